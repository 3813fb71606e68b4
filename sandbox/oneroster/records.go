package oneroster

import (
	"fmt"

	"github.com/google/uuid"

	"simscim/sandbox/world"
)

// stamp is how OneRoster writes moments: UTC with milliseconds.
const stamp = "2006-01-02T15:04:05.000Z"

// object is a record as the version has it.
func (t *trust) object(r *record) object {
	var o object
	o.set("sourcedId", r.id.String())
	o.set("status", t.status(r))
	if !r.changed.IsZero() && !t.on.has(NoDates) {
		o.set("dateLastModified", r.changed.UTC().Format(stamp))
	}
	switch r.kind {
	case orgKind:
		t.org(&o, r)
	case sessionKind:
		sessionObject(&o, r.session)
	case courseKind:
		courseObject(&o, r)
	case classKind:
		t.class(&o, r)
	case userKind:
		t.user(&o, r)
	case demographicsKind:
		o.set("birthDate", r.person.Born.String())
	case enrolmentKind:
		t.enrolment(&o, r)
	}
	return o
}

func (t *trust) status(r *record) string {
	if r.gone {
		return "tobedeleted"
	}
	left := r.kind == userKind || r.kind == demographicsKind
	for _, one := range t.records(r) {
		left = left && one.person.State(one.school.day) == world.Leaver
	}
	switch {
	case !left || t.on.has(DisabledLeavers) || t.on.has(NoTombstones):
		return "active"
	case t.on.has(InactiveStatus):
		return "inactive"
	case t.on.has(CustomStatus):
		return "archived"
	default:
		return "tobedeleted"
	}
}

func (t *trust) org(o *object, r *record) {
	name, kind, identifier := "", "school", ""
	var parent uuid.UUID
	var children []uuid.UUID
	switch {
	case r.org != nil:
		name, kind, identifier, parent, children = r.org.name, r.org.kind, r.org.identifier, r.org.parent, r.org.children
	default:
		site := r.school.roll.Site
		name, identifier = site.Name, site.DfE
		if len(t.above) > 0 {
			parent = t.above[0].id
		}
		if t.on.has(MoreOrgs) {
			children = []uuid.UUID{r.school.departmentID()}
		}
	}
	o.set("name", name)
	o.set("type", kind)
	n := 0
	if _, err := fmt.Sscan(identifier, &n); err == nil && t.on.has(NumericIdentifiers) {
		o.set("identifier", number(n))
	} else {
		o.opt("identifier", identifier)
	}
	if parent != uuid.Nil || t.on.has(EmptyParent) {
		o.set("parent", ref{parent, orgKind})
	}
	o.refs("children", orgKind, children...)
}

func sessionObject(o *object, s *session) {
	o.set("title", s.title)
	o.set("startDate", s.start.String())
	o.set("endDate", s.end.String())
	o.set("type", s.kind)
	if s.parent != uuid.Nil {
		o.set("parent", ref{s.parent, sessionKind})
	}
	o.refs("children", sessionKind, s.children...)
	o.set("schoolYear", fmt.Sprint(s.ends))
}

func courseObject(o *object, r *record) {
	o.set("title", r.course.subject)
	o.set("schoolYear", ref{sessionsOf(r.school.roll.Year)[0].id, sessionKind})
	o.set("courseCode", r.course.code)
	o.set("grades", []string{})
	o.set("subjects", []string{r.course.subject})
	o.set("org", ref{r.school.roll.Site.ID, orgKind})
	o.set("subjectCodes", []string{})
}

func (t *trust) class(o *object, r *record) {
	g, kind := r.group, "scheduled"
	title := g.Name
	switch g.Kind {
	case world.Registration:
		kind = "homeroom"
	case world.House:
		title = "House " + g.Name
	}
	year := r.school.roll.Year
	if r.old {
		year--
	}
	subjects := []string{}
	if g.Subject != "" && !t.on.has(CourseSubjects) {
		subjects = append(subjects, g.Subject)
	}
	o.set("title", title)
	o.set("classCode", g.Short)
	o.set("classType", kind)
	o.set("grades", t.on.grades(g.Year))
	o.set("subjects", subjects)
	o.set("course", ref{r.school.courseID(g), courseKind})
	o.set("school", ref{r.school.roll.Site.ID, orgKind})
	o.refs("terms", sessionKind, termIDs(year)...)
	o.set("subjectCodes", []string{})
	o.set("periods", []string{})
}

func (t *trust) enrolment(o *object, r *record) {
	user, class, school := r.school.userID(r.person), classID(r.group), r.school.roll.Site.ID
	if r.old {
		class = oldID(r.group)
	}
	if r.dangles {
		nowhere := derived(r.id, "nowhere")
		switch r.wrong {
		case classKind:
			class = nowhere
		case userKind:
			user = nowhere
		default:
			school = nowhere
		}
	}
	role := "student"
	if r.teacher {
		role = "teacher"
	}
	o.set("user", ref{user, userKind})
	o.set("class", ref{class, classKind})
	o.set("school", ref{school, orgKind})
	o.set("role", role)
	o.set("primary", flag(r.primary))
	for _, d := range []struct {
		name string
		day  world.Date
	}{{"beginDate", r.begin}, {"endDate", r.end}} {
		if d.day != 0 {
			o.set(d.name, d.day.String())
		}
	}
}
