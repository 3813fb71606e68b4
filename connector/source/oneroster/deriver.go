package oneroster

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"simscim/connector/source"
	"simscim/roster"
)

// Deriver builds one school's snapshot. Records may be fed in any order of kinds and of
// records, from the school's own lists or from lists of a whole district: what belongs
// to another school is passed over, and nothing of it is kept. It is not safe for
// concurrent use.
type Deriver struct {
	site  roster.Site
	id    string
	want  wanted
	rules Rules
	today time.Time
	build *roster.Builder
	// problem is what is wrong with the rules; Finish returns it.
	problem error

	grades grades
	houses *regexp.Regexp

	sessions map[string]*Session
	ended    map[string]bool // sessions that are no longer in force
	courses  map[string]*Course
	classes  map[string]*class
	people   map[string]*person
	births   map[string]time.Time
	enrolled []enrolled
}

// NewDeriver starts a snapshot of site, read at the moment given. What is wrong with the
// rules comes out of Finish; Rules.Validate tells it beforehand.
func NewDeriver(site roster.Site, rules Rules, want source.Want, at time.Time) *Deriver {
	d := &Deriver{
		site: site, id: roster.CanonicalID(site.ID), want: newWanted(want), rules: rules, today: dayOf(at),
		build:    roster.NewBuilder(site, at),
		sessions: map[string]*Session{}, ended: map[string]bool{}, courses: map[string]*Course{},
		classes: map[string]*class{}, people: map[string]*person{}, births: map[string]time.Time{},
	}
	if rules.Today != nil {
		d.today = dayOf(rules.Today())
	}
	d.grades, d.problem = newGrades(rules.Grades)
	if rules.HouseClasses != "" {
		d.houses = glob(rules.HouseClasses)
	}
	return d
}

// Validate tells what is wrong with the rules.
func (r Rules) Validate() error {
	_, err := newGrades(r.Grades)
	return err
}

// SiteOf makes a site of an organisation, or tells that it is none: a district, or a
// school that is no longer there.
func SiteOf(org Org, sourceName string) (site roster.Site, ok bool) {
	alive, _ := life(org.Status)
	if !alive || !strings.EqualFold(strings.TrimSpace(org.Type), "school") || strings.TrimSpace(org.ID) == "" {
		return roster.Site{}, false
	}
	return roster.Site{
		ID: roster.CanonicalID(org.ID), Source: sourceName, Name: cmp.Or(clean(org.Name), roster.CanonicalID(org.ID)), DfE: roster.NormaliseDfE(org.Identifier),
	}, true
}

// NeedsBirthDates tells whether a rule uses what only a birth date can tell well. Where
// it is false, demographics must not even be asked for.
func NeedsBirthDates(want source.Want) bool { return slices.Contains(want.Fields, "ageBand") }

// Session takes a term or a school year.
func (d *Deriver) Session(s Session) {
	s.ID, s.ParentID = roster.CanonicalID(s.ID), roster.CanonicalID(s.ParentID)
	if s.ID == "" {
		d.Warn("session", "sourcedId", "the record has no id")
		return
	}
	alive, why := life(s.Status)
	if why != "" {
		d.Warn("session", "status", why)
		alive = true // without it, classes would end
	}
	if !alive {
		d.ended[s.ID] = true
		return
	}
	if !s.Start.IsZero() && !s.End.IsZero() && s.End.Before(s.Start) {
		d.Warn("session", "endDate", "it ends before it begins")
		s.Start, s.End = time.Time{}, time.Time{}
	}
	if d.sessions[s.ID] != nil {
		d.Warn("session", "sourcedId", "the id appears more than once")
		return
	}
	d.sessions[s.ID] = &s
}

// Course takes what classes are lessons of. One that is gone still tells the subject.
func (d *Deriver) Course(c Course) {
	c.ID = roster.CanonicalID(c.ID)
	switch {
	case c.ID == "":
		d.Warn("course", "sourcedId", "the record has no id")
	case d.courses[c.ID] != nil:
		d.Warn("course", "sourcedId", "the id appears more than once")
	default:
		d.courses[c.ID] = &c
	}
}

// BirthDate takes a date of birth of demographics, for people fed before or after. It is
// heeded only where a rule needs it.
func (d *Deriver) BirthDate(userID string, day time.Time) {
	if d.want.has("ageBand") && !day.IsZero() {
		d.births[roster.CanonicalID(userID)] = day
	}
}

// enrolled is an Enrollment of this school while the roll is worked out. A district has
// millions.
type enrolled struct {
	user, class, role string
	begin, end        int32 // days since 1 January 1970, noDay where there is none
	why               string
}

const noDay = math.MinInt32

// Enrollment takes a user's place in a class of this school. Without a school of its own
// it belongs where the class does. What is no longer in force counts for nothing.
func (d *Deriver) Enrollment(e Enrollment) {
	if org := roster.CanonicalID(e.SchoolID); org != "" && org != d.id {
		return
	}
	alive, why := life(e.Status)
	if !alive && why == "" {
		return
	}
	d.enrolled = append(d.enrolled, enrolled{
		user: roster.CanonicalID(e.UserID), class: roster.CanonicalID(e.ClassID), role: clean(e.Role), begin: dayNumber(e.Begin), end: dayNumber(e.End), why: why,
	})
}

func dayNumber(t time.Time) int32 {
	if t.IsZero() {
		return noDay
	}
	const day = 86400
	return int32(min(max(t.Unix()/day, math.MinInt32+1), math.MaxInt32))
}

func dayOfNumber(n int32) time.Time {
	if n == noDay {
		return time.Time{}
	}
	return time.Unix(int64(n)*86400, 0).UTC()
}

// Warn counts an optional value that had to be dropped. Neither field nor reason holds a
// value of the record.
func (d *Deriver) Warn(entity, field, reason string) { d.build.Warn(entity, field, reason) }

// SetAside notes a record that could not even be decoded. entity is "person", "group" or
// "membership"; ref is the record's id, empty where it has none.
func (d *Deriver) SetAside(entity, ref, reason string) {
	d.build.SetAside(entity, roster.CanonicalID(ref), reason)
}

// Finish works everything out and returns the snapshot. The deriver must not be used
// again. A roll that cannot be whole is a *source.Incomplete.
func (d *Deriver) Finish() (*roster.Snapshot, error) {
	switch {
	case d.problem != nil:
		return nil, fmt.Errorf("derive the roll of school %s: %w", d.id, d.problem)
	case len(d.want.kinds) == 0:
		// An empty roll would look as if everybody had left.
		return nil, errors.New("no kind of person is wanted, so there is nothing to derive")
	case len(d.classes) > 0 && len(d.people) == 0:
		return nil, &source.Incomplete{Reason: "the school has classes, but nobody is in its list of users"}
	}
	cal := newCalendar(d.sessions, d.ended)
	d.timetable(cal)
	places, err := d.places()
	if err != nil {
		return nil, err
	}
	// Most have a year group and a house besides their places.
	d.build.Expect(len(d.people), len(d.classes), len(places)+2*len(d.people))
	d.settle(places)
	d.homeroomYears(places)
	d.addPeople()
	d.addGroups(places)
	snap := d.build.Finish()
	snap.Site.YearStart = cal.yearStart(d.termsInUse(), d.today)
	d.fill(snap)
	slices.SortStableFunc(snap.SetAside, func(a, b roster.SetAside) int {
		return cmp.Or(cmp.Compare(a.Entity, b.Entity), cmp.Compare(a.Ref, b.Ref), cmp.Compare(a.Reason, b.Reason))
	})
	return snap, nil
}

// wanted is a source.Want that can be asked.
type wanted struct {
	kinds  []roster.Kind
	fields map[string]bool
	// types are the further ids that rules name, by their name without regard to case.
	types map[string]string
}

func newWanted(w source.Want) wanted {
	out := wanted{kinds: w.Kinds, fields: map[string]bool{}, types: map[string]string{}}
	for _, f := range w.Fields {
		out.fields[f] = true
		if name, ok := strings.CutPrefix(f, "identifiers."); ok {
			out.types[strings.ToLower(name)] = name
		}
	}
	return out
}

func (w wanted) has(field string) bool      { return w.fields[field] }
func (w wanted) kind(kind roster.Kind) bool { return slices.Contains(w.kinds, kind) }

// identifier gives the name that rules know a type of id by, or none where it is not
// wanted. "identifiers" alone stands for all of them, spelled as they come.
func (w wanted) identifier(typ string) (name string, ok bool) {
	if name, ok = w.types[strings.ToLower(typ)]; ok {
		return name, true
	}
	return typ, w.fields["identifiers"]
}

func dayOf(t time.Time) time.Time {
	y, m, day := t.Date()
	return time.Date(y, m, day, 0, 0, 0, 0, time.UTC)
}

// glob makes an expression of a pattern in which * and ? stand for any letters. What a
// * stands for is a group of it.
func glob(pattern string) *regexp.Regexp {
	p := regexp.QuoteMeta(strings.TrimSpace(pattern))
	p = strings.NewReplacer(`\*`, `(.*)`, `\?`, `.`).Replace(p)
	return regexp.MustCompile(`(?is)^` + p + `$`)
}
