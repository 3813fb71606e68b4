package okta

import (
	"maps"
	"slices"
)

// The states of a user, and the type of every group that comes from elsewhere.
const (
	Active        = "ACTIVE"
	Deprovisioned = "DEPROVISIONED"
	AppGroup      = "APP_GROUP"
)

// Snapshot is what one identity source has brought, users and groups in order of their
// external ids, sessions and failures in order of time.
type Snapshot struct {
	Users    []User
	Groups   []Group
	Sessions []Session
	Failures []Failure
}

// User is one account.
type User struct {
	ID, ExternalID, Status string
	Profile                map[string]string
}

// Group is one group. Members are external ids, or of an Importer the feed's.
type Group struct {
	ID, ExternalID, Type, DisplayName, Description string
	Members                                        []string
}

// Session is one import.
type Session struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	// Loads is how many bulk requests it took.
	Loads int `json:"loads"`
}

// Snapshot reads one identity source, after what the clock brings. It is empty if there
// is no such source.
func (o *Org) Snapshot(source string) Snapshot {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.advance(o.options.Now())
	var out Snapshot
	s := o.sources[source]
	if s == nil {
		return out
	}
	for _, u := range inOrder(s.users) {
		out.Users = append(out.Users, User{ID: u.id, ExternalID: u.externalID, Status: status(u.active), Profile: maps.Clone(u.profile)})
	}
	for _, g := range inOrder(s.groups) {
		out.Groups = append(out.Groups, Group{
			ID: g.id, ExternalID: g.externalID, Type: AppGroup, DisplayName: g.profile["displayName"], Description: g.profile["description"],
			Members: slices.Sorted(maps.Keys(g.members)),
		})
	}
	for _, sn := range s.sessions {
		out.Sessions = append(out.Sessions, Session{ID: sn.id, Status: sn.status, Loads: sn.loads})
	}
	out.Failures = slices.Clone(s.failures)
	return out
}

func status(active bool) string {
	if active {
		return Active
	}
	return Deprovisioned
}
