package oneroster

import (
	"iter"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"simscim/sandbox/simsid"
	"simscim/sandbox/world"
)

// collection is one path segment that stands for a list.
type collection struct {
	kind kind
	// key is the envelope's, single that of one record.
	key, single string
	// keep picks the records of the kind; nil keeps all.
	keep func(*record) bool
}

// collections by path segment.
func collectionAt(name string) (collection, bool) {
	role := func(want string) func(*record) bool {
		return func(r *record) bool { return roleOf(r.person, V11) == want }
	}
	session := func(want string) func(*record) bool {
		return func(r *record) bool { return r.session.kind == want }
	}
	c, ok := map[string]collection{
		"orgs":             {orgKind, "orgs", "org", nil},
		"schools":          {orgKind, "orgs", "org", func(r *record) bool { return r.org == nil }},
		"academicSessions": {sessionKind, "academicSessions", "academicSession", nil},
		"terms":            {sessionKind, "academicSessions", "academicSession", session("term")},
		"gradingPeriods":   {sessionKind, "academicSessions", "academicSession", session("gradingPeriod")},
		"courses":          {courseKind, "courses", "course", nil},
		"classes":          {classKind, "classes", "class", nil},
		"users":            {userKind, "users", "user", nil},
		"students":         {userKind, "users", "user", role("student")},
		"teachers":         {userKind, "users", "user", role("teacher")},
		"enrollments":      {enrolmentKind, "enrollments", "enrollment", nil},
		"demographics":     {demographicsKind, "demographics", "demographics", nil},
	}[name]
	return c, ok
}

// call is one request to the data.
type call struct {
	*Service
	w       http.ResponseWriter
	r       *http.Request
	version Version
	on      switches
	fault   *simsid.Fault
	trust   *trust
	// root is the URL of the collections.
	root string
	// segments of the path below the root.
	segments []string
}

// route answers one path.
func (s *Service) route(w http.ResponseWriter, r *http.Request, f *simsid.Fault) {
	on := s.switches()
	path := r.URL.Path
	switch {
	case path == "/":
		s.page(w, r)
		return
	case path == "/csv":
		s.download(w, r)
		return
	case path == "/token" && !on.has(Login):
		s.token(w, r, f)
		return
	case path == "/login" && on.has(Login):
		s.login(w, r)
		return
	}
	for v, root := range map[Version]string{V11: Path11, V12: Path12} {
		rest, ok := strings.CutPrefix(path, root+"/")
		if !ok {
			continue
		}
		if on.has(MixedVersions) {
			if v == V12 {
				break
			}
			v = V12
		}
		c := &call{Service: s, w: w, r: r, version: v, on: on, fault: f, root: simsid.Base(r) + root, segments: strings.Split(rest, "/")}
		c.serve()
		return
	}
	problemOf(http.StatusNotFound).write(w, V11, on)
}

func (c *call) refuse(p *problem) { p.write(c.w, c.version, c.on) }

func (c *call) serve() {
	if c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		c.w.Header().Set("Allow", http.MethodGet)
		c.refuse(problemOf(http.StatusMethodNotAllowed))
		return
	}
	if !c.admit() {
		return
	}
	n := len(c.segments)
	col, ok := collectionAt(c.segments[n-1])
	switch {
	case n == 1 && ok:
		c.list(col, c.trust.pick(col, c.trust.all(col.kind)))
	case n == 2:
		c.single()
	case (n == 3 || n == 5) && ok && !c.on.has(NoRelations):
		records, found := c.related(col)
		if !found {
			c.refuse(problemOf(http.StatusNotFound))
			return
		}
		c.list(col, c.trust.pick(col, records))
	default:
		c.refuse(problemOf(http.StatusNotFound))
	}
}

// scope is the part of the data that the path needs the permission for.
func (c *call) scope() string {
	switch {
	case c.segments[0] == "demographics":
		return scopeDemographics
	case len(c.segments) > 2:
		return scopeRoster
	default:
		return scopeCore
	}
}

func (t *trust) pick(col collection, records iter.Seq[*record]) iter.Seq[*record] {
	if col.keep == nil {
		return records
	}
	return func(yield func(*record) bool) {
		for r := range records {
			if col.keep(r) && !yield(r) {
				return
			}
		}
	}
}

func (c *call) single() {
	col, ok := collectionAt(c.segments[0])
	id, err := uuid.Parse(c.segments[1])
	if !ok || err != nil {
		c.refuse(problemOf(http.StatusNotFound))
		return
	}
	r := c.trust.find(col.kind, id)
	if r == nil || col.keep != nil && !col.keep(r) {
		c.refuse(problemOf(http.StatusNotFound))
		return
	}
	q, wrong := c.query(col.kind)
	if wrong != nil {
		c.refuse(wrong)
		return
	}
	out := c.writer()
	body := object{{col.single, c.trust.object(r).only(q.fields)}}
	if len(q.warnings) > 0 {
		body.set("statusInfoSet", c.infos(q.warnings))
	}
	out.object(body)
	writeBody(c.w, http.StatusOK, out.b)
}

// related are the records below a school, class, course, term or user; not found if
// that is not there, or has no such relation.
func (c *call) related(col collection) (iter.Seq[*record], bool) {
	var ids [2]uuid.UUID
	for i := range len(c.segments) / 2 {
		id, err := uuid.Parse(c.segments[2*i+1])
		if err != nil {
			return nil, false
		}
		ids[i] = id
	}
	parents := c.segments[0]
	if len(c.segments) == 5 {
		if parents != "schools" || c.segments[2] != "classes" {
			return nil, false
		}
		class := c.trust.find(classKind, ids[1])
		if class == nil || class.school.roll.Site.ID != ids[0] {
			return nil, false
		}
		return c.trust.ofClass(class, col)
	}
	parent, ok := collectionAt(parents)
	if !ok {
		return nil, false
	}
	r := c.trust.find(parent.kind, ids[0])
	if r == nil || parent.keep != nil && !parent.keep(r) {
		return nil, false
	}
	switch {
	case parents == "schools":
		return c.trust.ofSchool(r.school, col)
	case parents == "classes" && c.segments[2] != "enrollments":
		return c.trust.ofClass(r, col)
	case col.kind == classKind && (parent.kind == userKind || parents == "courses" || parents == "terms"):
		return c.trust.classesOf(r), true
	case parents == "terms" && c.segments[2] == "gradingPeriods":
		return func(func(*record) bool) {}, true
	}
	return nil, false
}

func (t *trust) ofSchool(s *school, col collection) (iter.Seq[*record], bool) {
	switch col.kind {
	case sessionKind:
		return func(yield func(*record) bool) {
			for _, r := range t.sessions {
				if !yield(r) {
					return
				}
			}
		}, true
	case courseKind, classKind, enrolmentKind, userKind:
		return func(yield func(*record) bool) {
			for _, r := range s.lists[col.kind] {
				if !yield(r) {
					return
				}
			}
		}, true
	}
	return nil, false
}

// in tells whether an enrolment is one of the class.
func (r *record) in(class *record) bool {
	return r.group == class.group && r.old == class.old && !r.dangles
}

func (t *trust) ofClass(class *record, col collection) (iter.Seq[*record], bool) {
	s := class.school
	people := map[*world.Person]bool{}
	for _, e := range s.lists[enrolmentKind] {
		if e.in(class) && !e.gone {
			people[e.person] = true
		}
	}
	switch {
	case col.kind == enrolmentKind:
		return func(yield func(*record) bool) {
			for _, e := range s.lists[enrolmentKind] {
				if e.in(class) && !yield(e) {
					return
				}
			}
		}, true
	case col.kind == userKind && col.keep != nil:
		return func(yield func(*record) bool) {
			for _, u := range s.lists[userKind] {
				if people[u.person] && !yield(u) {
					return
				}
			}
		}, true
	}
	return nil, false
}

// classesOf are the classes of a user, a course or a term.
func (t *trust) classesOf(of *record) iter.Seq[*record] {
	return func(yield func(*record) bool) {
		for _, s := range t.schools {
			mine := map[*world.Group]bool{}
			if of.kind == userKind {
				for _, e := range s.lists[enrolmentKind] {
					if s.userID(e.person) == of.id && !e.gone && !e.dangles && !e.old {
						mine[e.group] = true
					}
				}
			}
			for _, class := range s.lists[classKind] {
				in := mine[class.group] && !class.old
				switch of.kind {
				case courseKind:
					in = s.courseID(class.group) == of.id
				case sessionKind:
					year := of.session.ends - 1
					in = s.roll.Year == year && !class.old || s.roll.Year-1 == year && class.old
				}
				if in && !yield(class) {
					return
				}
			}
		}
	}
}
