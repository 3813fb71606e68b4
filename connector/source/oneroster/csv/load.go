package csv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"simscim/connector/source/oneroster"
	"simscim/roster"
)

// loader reads the files into a district, in an order in which each file finds what it
// points at: schools, sessions, courses, classes, people, and enrolments last.
type loader struct {
	*district
	// classSchools are the schools of the classes, by the number of the class.
	classSchools []uint16
	files        *bundle
	manifest     *manifest
	house        string // the metadata field that holds the house
}

// load reads everything. Any error means that the files cannot be trusted to be whole.
func load(ctx context.Context, b *bundle, m *manifest, sourceName, house string, n need) (*district, error) {
	d := &district{need: n, schools: map[string]uint16{}, again: map[uint32][]uint32{}, stray: map[string]int{}}
	d.userIDs, d.classIDs, d.courses = newIDs(&d.text), newIDs(&d.text), newIDs(&d.text)
	l := &loader{district: d, files: b, manifest: m, house: house}
	sites, err := readSites(ctx, b, m, sourceName)
	if err != nil {
		return nil, err
	}
	d.sites = sites
	for i, s := range sites {
		d.schools[s.ID] = uint16(i)
	}
	for _, step := range []func(context.Context) error{
		l.readSessions, l.readCourses, l.readClasses, l.readRoles, l.readUsers, l.readBirths, l.readEnrollments,
	} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	d.userIDs.seal()
	d.classIDs.seal()
	d.courses.seal()
	d.indexAll()
	return d, nil
}

// each reads one file. take is given the values of the columns, and whether all of them
// are UTF-8.
func each(ctx context.Context, b *bundle, file string, cols []column, onDamage func(string), take func(vals []string, valid bool) error) (int64, error) {
	f, err := b.open[file]()
	if err != nil {
		return 0, fmt.Errorf("open %s.csv: %w", file, err)
	}
	defer f.Close()
	rd, err := newRows(file, f, b.limit, cols)
	if err != nil {
		return 0, err
	}
	rd.onDamage = onDamage
	for {
		if rd.count&0xFFF == 0 && ctx.Err() != nil {
			return rd.count, ctx.Err()
		}
		vals, valid, err := rd.next()
		if errors.Is(err, io.EOF) {
			return rd.count, nil
		}
		if err != nil {
			return rd.count, err
		}
		if err := take(vals, valid); err != nil {
			return rd.count, fmt.Errorf("%s.csv: %w", file, err)
		}
	}
}

// each reads a file of the district, if there is one. What cannot be read is set aside
// at every school, since nobody knows whose it is.
func (l *loader) each(ctx context.Context, file string, required bool, entity string, cols []column, take func(vals []string, valid bool) error) error {
	use, err := l.manifest.use(l.files, file, required)
	if err != nil || !use {
		return err
	}
	onDamage := func(reason string) { l.problem(noSchool, entity, "", reason) }
	n, err := each(ctx, l.files, file, cols, onDamage, take)
	l.records += n
	if err == nil && n == 0 && file == fileUsers {
		return errors.New("users.csv has no record at all")
	}
	return err
}

func (l *loader) problem(school uint16, entity, ref, reason string) {
	if entity == "person" && ref == "" && school == noSchool {
		l.lostUsers = true
	}
	l.problems = append(l.problems, problem{school, entity, strings.Clone(ref), reason})
}

const notUTF8 = "a value of the record is not UTF-8"

// readSites reads the schools of the files, in their order.
func readSites(ctx context.Context, b *bundle, m *manifest, sourceName string) ([]roster.Site, error) {
	if _, err := m.use(b, fileOrgs, true); err != nil {
		return nil, err
	}
	var out []roster.Site
	seen := map[string]bool{}
	// A school in a row that cannot be read is not in the list, and so left as it is.
	_, err := each(ctx, b, fileOrgs, orgColumns(), func(string) {}, func(v []string, valid bool) error {
		site, ok := oneroster.SiteOf(oneroster.Org{ID: v[0], Name: v[1], Type: v[2], Identifier: v[3], Status: oneroster.Status(v[4])}, sourceName)
		switch {
		case !ok || !valid:
			return nil
		case seen[site.ID]:
			return fmt.Errorf("the school %s is there twice", site.ID)
		case len(out) == maxSchools:
			return fmt.Errorf("there are more than %d schools", maxSchools)
		}
		seen[site.ID] = true
		site.ID, site.Name = strings.Clone(site.ID), strings.Clone(site.Name)
		out = append(out, site)
		return nil
	})
	return out, err
}

func (l *loader) readSessions(ctx context.Context) error {
	return l.each(ctx, fileSessions, true, "session", sessionColumns(), func(v []string, _ bool) error {
		s := oneroster.Session{
			ID: strings.Clone(v[0]), Type: strings.Clone(v[1]), ParentID: strings.Clone(v[4]), Status: oneroster.Status(strings.Clone(v[5])),
		}
		var begins, ends bool
		s.Start, begins = oneroster.ParseDay(v[2])
		s.End, ends = oneroster.ParseDay(v[3])
		if !begins || !ends {
			l.problem(noSchool, "session", s.ID, "a date of it cannot be read")
			return nil
		}
		l.sessions = append(l.sessions, s)
		return nil
	})
}

func (l *loader) readCourses(ctx context.Context) error {
	return l.each(ctx, fileCourses, false, "course", courseColumns(), func(v []string, _ bool) error {
		n, err := l.courses.add(roster.CanonicalID(v[0]))
		if err != nil || int(n) < len(l.courseAt) {
			return err // the first of two with one id stays
		}
		at, err := l.text.put(v[1])
		l.courseAt = append(l.courseAt, at)
		return err
	})
}

func (l *loader) readClasses(ctx context.Context) error {
	return l.each(ctx, fileClasses, true, "group", classColumns(), func(v []string, valid bool) error {
		id := roster.CanonicalID(v[classID])
		org := roster.CanonicalID(v[classSchool])
		school, ok := l.schools[org]
		switch {
		case !valid:
			school = l.schoolOr(org)
			l.problem(school, "group", id, notUTF8)
			return nil
		case org == "":
			l.problem(noSchool, "group", id, "it names no school")
			return nil
		case !ok:
			l.stray[fileClasses]++
			return nil
		}
		row := classRow{school: school, course: noCourse}
		if course := roster.CanonicalID(v[classCourse]); course != "" {
			if n, ok := l.courses.number(course); ok {
				row.course = n
			}
		}
		n, err := l.classIDs.add(id)
		if err != nil {
			return err
		}
		if int(n) == len(l.classSchools) {
			l.classSchools = append(l.classSchools, school)
		}
		row.at, err = l.text.put(v...)
		l.classes = append(l.classes, row)
		return err
	})
}

const noCourse = 0xFFFFFFFF

func (l *loader) schoolOr(org string) uint16 {
	if s, ok := l.schools[org]; ok {
		return s
	}
	return noSchool
}

func (d *district) indexAll() {
	n := len(d.sites)
	d.classesOf = indexBy(n, len(d.classes), func(i uint32) uint16 { return d.classes[i].school })
	d.rolesOf = indexBy(n, d.roles.n, func(i uint32) uint16 { return d.roles.at(i).school })
	d.enrolledOf = indexBy(n, d.enrolled.n, func(i uint32) uint16 { return d.enrolled.at(i).school })
}
