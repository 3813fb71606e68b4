package rest

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"simscim/connector/source/oneroster"
	"simscim/roster"
)

// readUsers reads the people of the school. Where only students are wanted, the school's
// own list of them is enough, and nobody else's data are asked for. Otherwise it is the
// list of users, narrowed to the school: the school's own lists have students and
// teachers only, and would lose administrators, aides and parents.
func (s *schoolRead) readUsers(ctx context.Context) error {
	c := userCollection(s.reader.version)
	c.fields = s.userFields()
	if s.pupilsOnly() {
		c.own, c.what = "/schools/{id}/students", "students"
	}
	users, way, err := s.usersOf(ctx, c)
	if err != nil {
		return err
	}
	// A filter on something inside a list of references is where services go wrong most
	// often, down to hiding those who have the school second. Once, an enrolment whose
	// user is not there makes us look without the filter.
	if way.filter && !s.reader.isSound() && s.hides(users) {
		c.filter, c.own = "", ""
		more, _, err := s.usersOf(ctx, c)
		if err != nil {
			return err
		}
		readable := 0
		for _, e := range more {
			if len(e.value.Roles) > 0 {
				readable++
			}
		}
		if readable > len(users) {
			s.reader.refuse("/users", "filter")
			s.reader.once("the service's filter of users by school hides some of them, so all users are read")
			users = more
		} else {
			s.reader.foundSound()
		}
	}
	for _, e := range users {
		if s.sound("person", "person", &e.notes, e.id) {
			s.students[roster.CanonicalID(e.id)] = true
			s.derive.User(e.value)
		}
	}
	return nil
}

func (s *schoolRead) usersOf(ctx context.Context, c *collection) ([]entry[oneroster.User], attempt, error) {
	return readCollection(ctx, s.reader, c, s.org, func(dec *json.Decoder, own bool) (entry[oneroster.User], verdict, error) {
		var bare string
		e, err := decodeEntry(dec, func(raw *rawUser, n *notes) oneroster.User {
			bare = raw.Role.s
			return raw.record(n, s.reader.version, s.reader.rules.HouseMetadata)
		})
		u := &e.value
		e.id = u.ID
		if own && len(u.Roles) == 0 {
			// The list itself says what they are, and where.
			role := bare
			if role == "" {
				role = "student"
			}
			u.Roles = []oneroster.UserRole{{Role: role, OrgID: s.org, Primary: true}}
		}
		is := verdict{id: u.ID, usable: u.ID != "" && len(u.Roles) > 0, foreign: len(u.Roles) > 0}
		for i := range u.Roles {
			var ours bool
			if u.Roles[i].OrgID, ours = s.local(u.Roles[i].OrgID); ours {
				is.keep, is.foreign = true, false
			}
		}
		// Left out without a word it would look as if somebody had gone.
		is.keep = is.keep || len(u.Roles) == 0 && e.notes.problem != ""
		return e, is, err
	})
}

// hides tells whether enrolments name users who are not in the list.
func (s *schoolRead) hides(users []entry[oneroster.User]) bool {
	listed := make(map[string]bool, len(users))
	for _, e := range users {
		listed[roster.CanonicalID(e.id)] = true
	}
	return slices.ContainsFunc(s.enrolled, func(e entry[oneroster.Enrollment]) bool {
		student := e.value.Role == "" || strings.EqualFold(e.value.Role, "student")
		return e.notes.problem == "" && (student || !s.pupilsOnly()) && !listed[roster.CanonicalID(e.value.UserID)]
	})
}

// userFields asks for what is wanted only.
func (s *schoolRead) userFields() string {
	fields := []string{"sourcedId", "status", "enabledUser", "givenName", "familyName", "grades"}
	if s.reader.version == Version12 {
		fields = append(fields, "preferredFirstName", "preferredLastName", "roles", "primaryOrg")
	} else {
		fields = append(fields, "role", "orgs")
	}
	if s.reader.rules.HouseMetadata != "" {
		fields = append(fields, "metadata")
	}
	ids := false
	for _, f := range s.want.Fields {
		switch {
		case f == "email" || f == "username":
			fields = append(fields, f)
		case f == "identifiers" || strings.HasPrefix(f, "identifiers."):
			ids = true
		}
	}
	if ids {
		fields = append(fields, "identifier", "userIds")
		if s.reader.version == Version12 {
			fields = append(fields, "userMasterIdentifier")
		}
	}
	return strings.Join(fields, ",")
}

// readBirthDates is only done where a rule needs them, and only those of the school's
// people are kept. The standard has no list of them for one school.
func (s *schoolRead) readBirthDates(ctx context.Context) error {
	if !oneroster.NeedsBirthDates(s.want) || len(s.students) == 0 {
		return nil
	}
	c := &collection{what: "demographics", key: "demographics", shared: "/demographics", fields: "sourcedId,status,birthDate", optional: true}
	type birth struct {
		id  string
		raw text
	}
	births, _, err := readCollection(ctx, s.reader, c, s.org, func(dec *json.Decoder, _ bool) (entry[birth], verdict, error) {
		e, err := decodeEntry(dec, func(raw *rawDemographics, n *notes) birth { return birth{n.must("sourcedId", raw.ID), raw.Birth} })
		return e, verdict{id: e.value.id, keep: s.students[roster.CanonicalID(e.value.id)], usable: e.value.id != ""}, err
	})
	if missing(err) {
		// Most sign-ins have no scope for them. Age bands then come from year groups.
		s.reader.once("the service gives no demographics; age bands come from year groups")
		s.derive.Warn("person", "birthDate", "the service gives no demographics")
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range births {
		day := e.notes.day("birthDate", e.value.raw)
		if s.sound("person", "", &e.notes, e.value.id) {
			s.derive.BirthDate(e.value.id, day)
		}
	}
	return nil
}

func (r *Reader) isSound() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sound
}

func (r *Reader) foundSound() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sound = true
}
