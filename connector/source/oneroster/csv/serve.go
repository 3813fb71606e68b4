package csv

import (
	"context"
	"slices"
	"time"

	"simscim/connector/source"
	"simscim/connector/source/oneroster"
	"simscim/roster"
)

// server derives one school's snapshot from the district.
type server struct {
	*district
	school uint16
	id     string
	house  string
	derive *oneroster.Deriver
	// userNames and classNames keep the text of ids that many enrolments share.
	userNames, classNames map[uint32]string
}

func (d *district) snapshot(ctx context.Context, school uint16, rules oneroster.Rules, want source.Want, at time.Time) (*roster.Snapshot, error) {
	site := d.sites[school]
	s := &server{
		district: d, school: school, id: site.ID, house: rules.HouseMetadata,
		derive:    oneroster.NewDeriver(site, rules, want, at),
		userNames: map[uint32]string{}, classNames: map[uint32]string{},
	}
	for _, p := range d.problems {
		if p.school == school || p.school == noSchool {
			s.derive.SetAside(p.entity, p.ref, p.reason)
		}
	}
	for _, session := range d.sessions {
		s.derive.Session(session)
	}
	s.classes()
	for _, step := range []func(context.Context) error{s.people, s.places} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return s.derive.Finish()
}

func (s *server) classes() {
	v := make([]string, classValues)
	courses := map[uint32]bool{}
	for _, i := range s.classesOf.of(s.school) {
		row := s.district.classes[i]
		s.text.get(row.at, v)
		s.derive.Class(oneroster.Class{
			ID: v[classID], Title: v[classTitle], Code: v[classCode], Type: v[classType], CourseID: v[classCourse], SchoolID: s.id,
			Grades: list(v[classGrades]), Subjects: list(v[classSubjects]), TermIDs: list(v[classTerms]), Status: oneroster.Status(v[classStatus]),
		})
		if row.course == noCourse || courses[row.course] {
			continue
		}
		courses[row.course] = true
		var subjects [1]string
		s.text.get(s.courseAt[row.course], subjects[:])
		s.derive.Course(oneroster.Course{ID: s.courses.id(row.course), Subjects: list(subjects[0])})
	}
}

// people feeds the users who have a role at the school, each with the roles here.
func (s *server) people(ctx context.Context) error {
	rows := slices.Clone(s.rolesOf.of(s.school))
	slices.SortStableFunc(rows, func(a, b uint32) int { return int(s.roles.at(a).user) - int(s.roles.at(b).user) })
	for i := 0; i < len(rows); {
		if i&0xFF == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		user := s.roles.at(rows[i]).user
		var roles []oneroster.UserRole
		for ; i < len(rows) && s.roles.at(rows[i]).user == user; i++ {
			roles = append(roles, s.role(s.roles.at(rows[i])))
		}
		s.user(user, roles)
	}
	return nil
}

func (s *server) role(r *roleRow) oneroster.UserRole {
	s.badDays("person", r.flags)
	return oneroster.UserRole{
		Role: s.words.word(r.role), OrgID: s.id, Primary: r.flags&flagPrimary != 0, Begin: unpackDay(r.begin), End: unpackDay(r.end),
	}
}

func (s *server) badDays(entity string, flags uint8) {
	if flags&flagBadBegin != 0 {
		s.derive.Warn(entity, "beginDate", "it is not a date")
	}
	if flags&flagBadEnd != 0 {
		s.derive.Warn(entity, "endDate", "it is not a date")
	}
}

func (s *server) user(n uint32, roles []oneroster.UserRole) {
	id := s.userIDs.id(n)
	if int(n) >= len(s.users) || s.users[n] == 0 {
		// Where rows of users.csv could not be read, it may be one of those, which count.
		if !s.lostUsers {
			s.derive.SetAside("person", id, "it has a role, but is not in users.csv")
		}
		return
	}
	s.record(n, id, s.users[n]-1, roles)
	for _, place := range s.again[n] {
		s.record(n, id, place, roles)
	}
}

func (s *server) record(n uint32, id string, place uint32, roles []oneroster.UserRole) {
	var v [userValues]string
	s.text.get(place, v[:])
	enabled, known, ok := oneroster.ParseFlag(v[userEnabled])
	switch {
	case v[userFlaw] != "":
		s.derive.SetAside("person", id, v[userFlaw])
		return
	case !ok:
		s.derive.SetAside("person", id, "enabledUser is neither true nor false")
		return
	}
	u := oneroster.User{
		ID: id, MasterID: v[userMaster], Username: v[userName], Email: v[userEmail], Identifier: v[userIdentifier],
		GivenName: v[userGiven], FamilyName: v[userFamily], PreferredGivenName: v[userPreferredGiven], PreferredFamilyName: v[userPreferredFamily],
		Enabled: enabled, EnabledKnown: known, Roles: roles, Grades: list(v[userGrades]), Status: oneroster.Status(v[userStatus]),
	}
	if u.UserIDs, ok = s.need.userIDs(v[userOther]); !ok {
		s.derive.Warn("person", "userIds", "it is not a list of {type:identifier}")
	}
	if v[userHouse] != "" {
		u.Metadata = map[string]string{s.house: v[userHouse]}
	}
	if int(n) < len(s.births) {
		if s.births[n] == badBirth {
			s.derive.Warn("person", "birthDate", "it is not a date")
		} else {
			u.BirthDate = unpackDay(s.births[n])
		}
	}
	s.derive.User(u)
}

func (s *server) places(ctx context.Context) error {
	for i, n := range s.enrolledOf.of(s.school) {
		if i&0xFFF == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		r := s.enrolled.at(n)
		s.badDays("membership", r.flags)
		e := oneroster.Enrollment{
			UserID: name(s.userNames, s.userIDs, r.user), ClassID: name(s.classNames, s.classIDs, r.class), SchoolID: s.id,
			Role: s.words.word(r.role), Primary: r.flags&flagPrimary != 0, Begin: unpackDay(r.begin), End: unpackDay(r.end),
		}
		if r.flags&flagBadStatus != 0 {
			e.Status = unknownWord
		}
		s.derive.Enrollment(e)
	}
	return nil
}

func name(cache map[uint32]string, of *ids, n uint32) string {
	id, ok := cache[n]
	if !ok {
		id = of.id(n)
		cache[n] = id
	}
	return id
}
