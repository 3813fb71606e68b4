package okta

import (
	"errors"
	"time"

	"simscim/scim"
)

// source is one identity source: what it has brought into the organisation. Whatever
// keeps an import from taking over a record is in failures, and nowhere else.
type source struct {
	org       *Org
	id        string
	sessions  []*session
	triggered time.Time
	busyUntil time.Time
	// users and groups are by external id. Nobody leaves users: they are deactivated.
	users    map[string]*user
	groups   map[string]*group
	failures []Failure
}

type user struct {
	id, externalID   string
	active           bool
	profile          map[string]string
	created, updated time.Time
}

type group struct {
	id, externalID string
	profile        map[string]string
	// members are the external ids of users.
	members map[string]bool
}

// Failure is a record that an import could not take over.
type Failure struct {
	ExternalID string `json:"externalId"`
	Reason     string `json:"reason"`
}

func newSource(o *Org, id string) *source {
	return &source{org: o, id: id, users: map[string]*user{}, groups: map[string]*group{}}
}

// user is the active user of the external id, or nil.
func (s *source) user(id string) *user {
	if u := s.users[id]; u != nil && u.active {
		return u
	}
	return nil
}

// group finds by the external id or by Okta's own.
func (s *source) group(id string) *group {
	if g := s.groups[id]; g != nil {
		return g
	}
	for _, g := range s.groups {
		if g.id == id {
			return g
		}
	}
	return nil
}

func (s *source) fail(id, reason string) { s.failures = append(s.failures, Failure{id, reason}) }

// upsertUser creates, updates or brings back a user, if nothing speaks against it.
func (s *source) upsertUser(id string, p profile, now time.Time) {
	if s.org.faults.happens(&s.org.faults.Skip) {
		s.fail(id, "a fault was set")
		return
	}
	var old map[string]string
	if u := s.users[id]; u != nil {
		old = u.profile
	}
	if err := s.putUser(id, merge(old, p), now); err != nil {
		s.fail(id, err.Error())
	}
}

// putUser gives a user, who may be new or deactivated, a whole profile.
func (s *source) putUser(id string, p map[string]string, now time.Time) error {
	for _, name := range []string{"userName", "email", "firstName", "lastName"} {
		if p[name] == "" {
			return errors.New(name + " is missing")
		}
	}
	u := s.users[id]
	if s.org.taken(p["userName"], u) {
		return errors.New("another user has the user name")
	}
	if u == nil {
		u = &user{id: s.org.newID("00u"), externalID: id, created: now}
		s.users[id] = u
	}
	delete(s.org.names, scim.Fold(u.profile["userName"]))
	s.org.names[scim.Fold(p["userName"])] = u
	u.active, u.profile, u.updated = true, p, now
	return nil
}

// taken tells whether anybody else in the organisation has the user name, deactivated
// users included.
func (o *Org) taken(name string, but *user) bool {
	u := o.names[scim.Fold(name)]
	return u != nil && u != but
}

func (s *source) deactivate(id string, now time.Time) {
	if u := s.user(id); u != nil {
		u.active, u.updated = false, now
	}
}

// upsertGroup creates a group or changes its profile.
func (s *source) upsertGroup(id string, p profile) {
	g := s.groups[id]
	if g == nil {
		if p["displayName"] == nil {
			s.fail(id, "displayName is missing")
			return
		}
		g = &group{id: s.org.newID("00g"), externalID: id, members: map[string]bool{}}
		s.groups[id] = g
	}
	g.profile = merge(g.profile, p)
}

func addMembers(s *source, g *group, ids []string) {
	for _, id := range ids {
		if s.user(id) != nil {
			g.members[id] = true
		}
	}
}

func removeMembers(_ *source, g *group, ids []string) {
	for _, id := range ids {
		delete(g.members, id)
	}
}

// merge is a profile after a change: what was not sent stays, nulls clear.
func merge(old map[string]string, p profile) map[string]string {
	out := map[string]string{}
	for name, v := range old {
		if _, sent := p[name]; !sent {
			out[name] = v
		}
	}
	for name, v := range p {
		if v != nil {
			out[name] = *v
		}
	}
	return out
}
