package rest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"simscim/connector/source"
	"simscim/connector/source/oneroster"
	"simscim/roster"
)

// Read reads one school whole. org is its sourcedId at the service, site what we know it
// by; the two ids are the same but where a school has an id outside of OneRoster too.
//
// The school's own record comes first: unless it is the one asked for, nothing else is
// read. Then sessions, classes, enrolments, users and, only where a rule needs them,
// courses and demographics.
//
// What it costs: with the school's own lists, a call for every PageSize records of the
// school. What a service has only for all schools is walked whole for each school that
// is read, unless it filters: a district of 2 million enrolments is 2000 calls a school.
// Nothing is kept on disk between schools for that; such services had better be asked
// for a larger page, or for the file export.
func (r *Reader) Read(ctx context.Context, org string, site roster.Site, want source.Want) (*roster.Snapshot, error) {
	if len(want.Kinds) == 0 {
		// An empty roll would look as if everybody had left.
		return nil, errors.New("no kind of person is wanted, so there is nothing to read")
	}
	found, err := r.Org(ctx, org)
	if err != nil {
		return nil, err
	}
	described, _ := oneroster.SiteOf(found, r.name)
	site.Source, site.Name = cmp.Or(site.Source, r.name), cmp.Or(described.Name, site.Name)
	site.DfE = cmp.Or(described.DfE, site.DfE)
	s := &schoolRead{
		reader: r, org: found.ID, id: roster.CanonicalID(found.ID), site: site.ID, want: want,
		derive: oneroster.NewDeriver(site, r.rules, want, r.now()), classes: map[string]bool{}, courses: map[string]bool{}, students: map[string]bool{},
	}
	for _, step := range []func(context.Context) error{s.readSessions, s.readClasses, s.readCourses, s.readEnrollments, s.readUsers, s.readBirthDates} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return s.derive.Finish()
}

// schoolRead is one read of one school.
type schoolRead struct {
	reader *Reader
	// org is the school's id as the service spells it, id the same in our spelling, and
	// site the id that the snapshot is to have.
	org, id, site string
	want          source.Want
	derive        *oneroster.Deriver

	// classes and students are those of this school; courses are those that its classes
	// need for their subject.
	classes, courses, students map[string]bool
	enrolled                   []entry[oneroster.Enrollment]
}

// local translates the id of an organisation to the one that the snapshot is to have.
func (s *schoolRead) local(org string) (id string, ours bool) {
	if roster.CanonicalID(org) == s.id {
		return s.site, true
	}
	return org, false
}

// judge says whether an entry that names one school is ours. In the school's own list
// what names no school is. What cannot be read for sure is kept, to be set aside: left
// out without a word it would look as if it had gone.
func (s *schoolRead) judge(id, school string, own, complete bool, n *notes) (verdict, string) {
	local, ours := s.local(school)
	if own && school == "" {
		local, ours = s.site, true
	}
	unreadable := school == "" && n.problem != ""
	return verdict{id: id, keep: ours || unreadable, usable: id != "" && complete, foreign: !ours && school != ""}, local
}

func (s *schoolRead) readSessions(ctx context.Context) error {
	one := func(dec *json.Decoder, _ bool) (entry[oneroster.Session], verdict, error) {
		e, err := decodeEntry(dec, func(raw *rawSession, n *notes) oneroster.Session { return raw.record(n) })
		e.id = e.value.ID
		return e, verdict{id: e.id, keep: true, usable: e.id != ""}, err
	}
	// The full list comes first: terms alone do not tell when the school year began.
	c := sessionCollection()
	sessions, _, err := readCollection(ctx, s.reader, c, s.org, one)
	if missing(err) {
		c = &collection{what: "terms", key: "academicSessions", own: "/schools/{id}/terms", shared: "/terms", fields: c.fields}
		sessions, _, err = readCollection(ctx, s.reader, c, s.org, one)
	}
	if err != nil {
		return err
	}
	for _, e := range sessions {
		if s.sound("session", "", &e.notes, e.id) {
			s.derive.Session(e.value)
		}
	}
	return nil
}

// missing tells whether a list came to nothing because the service does not have it.
func missing(err error) bool {
	_, ok := errors.AsType[*notServed](err)
	return ok
}

// sound hands on what was dropped from a record, and tells whether the rest is of use.
// aside is the entity under which a record counts that is not.
func (s *schoolRead) sound(entity, aside string, n *notes, id string) bool {
	switch {
	case n.problem == "":
		for _, w := range n.warnings {
			s.derive.Warn(entity, w.field, w.reason)
		}
		return true
	case aside == "":
		s.derive.Warn(entity, "record", n.problem)
	default:
		s.derive.SetAside(aside, id, n.problem)
	}
	return false
}

func (s *schoolRead) readClasses(ctx context.Context) error {
	classes, _, err := readCollection(ctx, s.reader, classCollection(), s.org, func(dec *json.Decoder, own bool) (entry[oneroster.Class], verdict, error) {
		e, err := decodeEntry(dec, func(raw *rawClass, n *notes) oneroster.Class { return raw.record(n) })
		var v verdict
		v, e.value.SchoolID = s.judge(e.value.ID, e.value.SchoolID, own, e.value.Title != "", &e.notes)
		e.id = v.id
		return e, v, err
	})
	if err != nil {
		return err
	}
	for _, e := range classes {
		s.classes[roster.CanonicalID(e.id)] = true
		if !s.sound("group", "group", &e.notes, e.id) {
			continue
		}
		if len(e.value.Subjects) == 0 && e.value.CourseID != "" {
			s.courses[roster.CanonicalID(e.value.CourseID)] = true
		}
		s.derive.Class(e.value)
	}
	return nil
}

// readCourses is only needed where classes do not tell their subject themselves.
func (s *schoolRead) readCourses(ctx context.Context) error {
	if len(s.courses) == 0 {
		return nil
	}
	c := &collection{what: "courses", key: "courses", own: "/schools/{id}/courses", fields: "sourcedId,status,title,courseCode,grades,subjects,org", optional: true}
	if err := s.takeCourses(ctx, c); err != nil {
		return err
	}
	if len(s.courses) == 0 {
		return nil
	}
	// Courses that several schools share belong to none of them, or to the district.
	c.own, c.shared = "", "/courses"
	return s.takeCourses(ctx, c)
}

func (s *schoolRead) takeCourses(ctx context.Context, c *collection) error {
	courses, _, err := readCollection(ctx, s.reader, c, s.org, func(dec *json.Decoder, _ bool) (entry[oneroster.Course], verdict, error) {
		e, err := decodeEntry(dec, func(raw *rawCourse, n *notes) oneroster.Course { return raw.record(n) })
		e.id = e.value.ID
		return e, verdict{id: e.id, keep: s.courses[roster.CanonicalID(e.id)], usable: e.id != ""}, err
	})
	if missing(err) {
		s.reader.once("the service gives no list of courses at " + cmp.Or(c.own, c.shared) + "; classes have no subject but their own")
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range courses {
		delete(s.courses, roster.CanonicalID(e.id))
		if s.sound("course", "", &e.notes, e.id) {
			s.derive.Course(e.value)
		}
	}
	return nil
}

func (s *schoolRead) readEnrollments(ctx context.Context) error {
	var err error
	s.enrolled, _, err = readCollection(ctx, s.reader, enrollmentCollection(), s.org, func(dec *json.Decoder, own bool) (entry[oneroster.Enrollment], verdict, error) {
		e, err := decodeEntry(dec, func(raw *rawEnrollment, n *notes) oneroster.Enrollment { return raw.record(n) })
		v := &e.value
		if v.SchoolID == "" && s.classes[roster.CanonicalID(v.ClassID)] {
			v.SchoolID = s.org // it belongs where its class does
		}
		var is verdict
		is, v.SchoolID = s.judge(v.ID, v.SchoolID, own, v.UserID != "" && v.ClassID != "", &e.notes)
		e.id = is.id
		return e, is, err
	})
	if err != nil {
		return err
	}
	for _, e := range s.enrolled {
		if s.pupilsOnly() && e.value.Role != "" && !strings.EqualFold(e.value.Role, "student") {
			continue // its user is not read
		}
		if s.sound("membership", "membership", &e.notes, e.value.ClassID) {
			s.derive.Enrollment(e.value)
		}
	}
	return nil
}

// pupilsOnly tells whether nobody but students is wanted.
func (s *schoolRead) pupilsOnly() bool {
	return !slices.ContainsFunc(s.want.Kinds, func(k roster.Kind) bool { return k != roster.Student })
}
