package okta

import (
	"fmt"
	"net/http"
	"time"
)

// reader reads the body of one kind of load. took is false if it holds nothing that
// anybody knows.
type reader func(*call) (changes []change, took bool, err error)

// loads are the kinds of load by the last part of their paths.
func loads() map[string]reader {
	return map[string]reader{
		"bulk-upsert": usersToUpsert, "bulk-delete": usersToDelete,
		"bulk-groups-upsert": groupsToUpsert, "bulk-groups-delete": groupsToDelete,
		"bulk-group-memberships-upsert": membershipsTo(addMembers), "bulk-group-memberships-delete": membershipsTo(removeMembers),
	}
}

// loading adds a load to a session.
func loading(read reader) operation {
	return func(c *call) (reply, error) {
		s, err := c.session()
		if err != nil {
			return reply{}, err
		}
		switch {
		case !s.loading():
			return reply{}, invalid("identitySourceSession", "status: the session takes no more data")
		case s.loads >= MaxLoads:
			return reply{}, invalid("identitySourceSession", fmt.Sprintf("session: it has had its %d bulk requests", MaxLoads))
		case len(c.body) > MaxLoadBytes:
			return reply{}, invalid("body", fmt.Sprintf("body: it is longer than %d bytes", MaxLoadBytes))
		}
		changes, took, err := read(c)
		if err != nil {
			return reply{}, err
		}
		s.loads++
		s.changes = append(s.changes, changes...)
		if took || s.status == InProgress {
			s.become(InProgress, c.now)
		}
		return reply{status: http.StatusAccepted}, nil
	}
}

// entity is a user or group as it is sent. In a list of ids to delete only those are set.
type entity struct {
	ExternalID string         `json:"externalId"`
	Profile    map[string]any `json:"profile"`
}

func usersToUpsert(c *call) ([]change, bool, error) {
	list, err := c.users()
	if err != nil {
		return nil, false, err
	}
	var f findings
	var out []change
	for i, e := range list {
		place := fmt.Sprintf("profiles[%d]", i)
		checkID(&f, place+".externalId", e.ExternalID, maxUserID)
		p := readProfile(&f, place+".profile", e.Profile, userFields())
		out = append(out, func(s *source, now time.Time) { s.upsertUser(e.ExternalID, p, now) })
	}
	return out, true, f.err()
}

func usersToDelete(c *call) ([]change, bool, error) {
	list, err := c.users()
	if err != nil {
		return nil, false, err
	}
	var f findings
	var out []change
	known := false
	for i, e := range list {
		checkID(&f, fmt.Sprintf("profiles[%d].externalId", i), e.ExternalID, maxUserID)
		known = known || c.src.user(e.ExternalID) != nil
		out = append(out, func(s *source, now time.Time) { s.deactivate(e.ExternalID, now) })
	}
	return out, known, f.err()
}

// users reads the list of users in the body.
func (c *call) users() ([]entity, error) {
	var body struct {
		EntityType string   `json:"entityType"`
		Profiles   []entity `json:"profiles"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	if body.EntityType != "USERS" {
		return nil, invalid("entityType", "entityType: it must be USERS")
	}
	return body.Profiles, checkCount("profiles", len(body.Profiles))
}

func groupsToUpsert(c *call) ([]change, bool, error) {
	var body struct {
		Profiles []entity `json:"profiles"`
	}
	if err := c.decode(&body); err != nil {
		return nil, false, err
	}
	if err := checkCount("profiles", len(body.Profiles)); err != nil {
		return nil, false, err
	}
	var f findings
	var out []change
	for i, e := range body.Profiles {
		place := fmt.Sprintf("profiles[%d]", i)
		checkID(&f, place+".externalId", e.ExternalID, maxGroupID)
		p := readProfile(&f, place+".profile", e.Profile, groupFields())
		out = append(out, func(s *source, now time.Time) { s.upsertGroup(e.ExternalID, p) })
	}
	return out, true, f.err()
}

func groupsToDelete(c *call) ([]change, bool, error) {
	var body struct {
		ExternalIDs []string `json:"externalIds"`
	}
	if err := c.decode(&body); err != nil {
		return nil, false, err
	}
	if err := checkCount("externalIds", len(body.ExternalIDs)); err != nil {
		return nil, false, err
	}
	var f findings
	var out []change
	known := false
	for i, id := range body.ExternalIDs {
		checkID(&f, fmt.Sprintf("externalIds[%d]", i), id, maxGroupID)
		known = known || c.src.groups[id] != nil
		out = append(out, func(s *source, _ time.Time) { delete(s.groups, id) })
	}
	return out, known, f.err()
}

// membershipsTo reads the list of members by group, for adding or removing them. Groups
// and members that nobody knows when the import runs are ignored.
func membershipsTo(alter func(*source, *group, []string)) reader {
	return func(c *call) ([]change, bool, error) {
		var body struct {
			Memberships []struct {
				Group   string   `json:"groupExternalId"`
				Members []string `json:"memberExternalIds"`
			} `json:"memberships"`
		}
		if err := c.decode(&body); err != nil {
			return nil, false, err
		}
		if err := checkCount("memberships", len(body.Memberships)); err != nil {
			return nil, false, err
		}
		var f findings
		var out []change
		for i, m := range body.Memberships {
			place := fmt.Sprintf("memberships[%d]", i)
			checkID(&f, place+".groupExternalId", m.Group, maxGroupID)
			if len(m.Members) == 0 {
				f.add(place+".memberExternalIds", "it cannot be empty")
			}
			for j, id := range m.Members {
				checkID(&f, fmt.Sprintf("%s.memberExternalIds[%d]", place, j), id, maxMemberID)
			}
			out = append(out, func(s *source, _ time.Time) {
				if g := s.groups[m.Group]; g != nil {
					alter(s, g, m.Members)
				}
			})
		}
		return out, true, f.err()
	}
}
