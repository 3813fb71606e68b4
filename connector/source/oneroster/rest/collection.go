package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"simscim/connector/source"
)

// collection is one kind of list, and the routes to it.
type collection struct {
	what, key string
	// own is the route to one school's own list, empty where the standard has none.
	own string
	// shared is the route to the list of all schools, empty where it is of no use.
	shared string
	// filter is the field by which the shared list is narrowed to a school.
	filter string
	// fields is what is asked for, separated by commas.
	fields string
	// optional says that a refusal means no more than that there is no such list.
	optional bool
}

func sessionCollection() *collection {
	return &collection{
		what: "academic sessions", key: "academicSessions", shared: "/academicSessions",
		fields: "sourcedId,status,title,type,startDate,endDate,parent,schoolYear",
	}
}

func classCollection() *collection {
	return &collection{
		what: "classes", key: "classes", own: "/schools/{id}/classes", shared: "/classes", filter: "school.sourcedId",
		fields: "sourcedId,status,title,classCode,classType,course,school,terms,grades,subjects",
	}
}

func enrollmentCollection() *collection {
	return &collection{
		what: "enrolments", key: "enrollments", own: "/schools/{id}/enrollments", shared: "/enrollments", filter: "school.sourcedId",
		fields: "sourcedId,status,role,primary,beginDate,endDate,user,class,school",
	}
}

func userCollection(version string) *collection {
	c := &collection{what: "users", key: "users", shared: "/users", filter: "orgs.sourcedId"}
	if version == Version12 {
		c.filter = "roles.org.sourcedId"
	}
	return c
}

// entry is one decoded record, with what is wrong with it.
type entry[T any] struct {
	value T
	id    string
	notes notes
}

// decodeEntry reads one entry of a list. What is no object is a record with a problem;
// an error means that the page cannot be read on.
func decodeEntry[R, T any](dec *json.Decoder, record func(*R, *notes) T) (entry[T], error) {
	var raw R
	var e entry[T]
	err := dec.Decode(&raw)
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		e.notes.problem = "the entry is no object"
		return e, nil
	}
	if err != nil {
		return e, err
	}
	e.value = record(&raw, &e.notes)
	return e, nil
}

// attempt is one way to ask for a collection.
type attempt struct {
	route                string
	own                  bool
	filter, sort, fields bool
}

// parts names what is asked for besides the list itself.
func (a attempt) parts() (out []string) {
	for _, p := range []struct {
		on   bool
		name string
	}{{a.filter, "filter"}, {a.sort, "sort"}, {a.fields, "fields"}} {
		if p.on {
			out = append(out, p.name)
		}
	}
	return out
}

// attempts lists the ways to ask for a collection, the best first. All give the same
// records: a school's own list is read if there is one, and the shared list otherwise;
// what a service does not understand is left out.
func (c *collection) attempts(school string) (out []attempt) {
	plainer := func(a attempt) {
		for _, p := range []struct{ sort, fields bool }{{true, true}, {true, false}, {false, false}} {
			a.sort, a.fields = p.sort, p.fields && c.fields != ""
			out = append(out, a)
		}
	}
	if c.own != "" && school != "" {
		plainer(attempt{route: c.own, own: true})
	}
	if c.shared == "" {
		return out
	}
	if c.filter != "" && filterable(school) {
		plainer(attempt{route: c.shared, filter: true})
	}
	plainer(attempt{route: c.shared})
	return out
}

// filterable tells whether an id can stand in a filter. There is no way to write a quote
// inside a value, and services differ on everything that is not plain.
func filterable(id string) bool {
	return id != "" && !strings.ContainsFunc(id, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.:{}", r)
	})
}

func (c *collection) list(a attempt, school string) *list {
	q := url.Values{}
	if a.filter {
		q.Set("filter", c.filter+"='"+school+"'")
	}
	if a.sort {
		q.Set("sort", "sourcedId")
		q.Set("orderBy", "asc")
	}
	if a.fields {
		q.Set("fields", c.fields)
	}
	return &list{
		what: c.what, key: c.key, route: a.route, path: strings.ReplaceAll(a.route, "{id}", url.PathEscape(school)),
		query: q, school: school != "", optional: c.optional,
	}
}

// readCollection reads a collection in the best way that the service has, and tells which
// that was. one decodes an entry; own tells it whether the list is the school's own.
//
// Two answers are not believed and the list is asked for more plainly: one narrowed by a
// filter in which nothing is left for the school, and one narrowed to fields in which no
// record has what every record must.
func readCollection[T any](
	ctx context.Context, r *Reader, c *collection, school string, one func(dec *json.Decoder, own bool) (T, verdict, error),
) ([]T, attempt, error) {
	var refusal error
	gone, unfiltered := map[string]bool{}, false
	for _, a := range c.attempts(school) {
		if gone[a.route] || a.filter && unfiltered || r.isMissing(a.route) || r.refusesAny(a) {
			continue
		}
		got, err := readList(ctx, r, c.list(a, school), func(dec *json.Decoder) (T, verdict, error) { return one(dec, a.own) })
		if unserved, ok := errors.AsType[*notServed](err); ok {
			refusal = unserved
			gone[a.route] = !unserved.query
			r.learn(a, unserved)
			continue
		}
		if err != nil {
			return nil, a, err
		}
		r.observe(c, a, got.unsorted, got.unfiltered)
		switch {
		case a.own && got.records > 0 && got.foreign == got.records:
			return nil, a, fmt.Errorf("read %s: %w", c.what, ErrOtherSchool)
		case a.fields && got.records > 0 && got.usable == 0:
			r.refuse(a.route, "fields")
		case a.filter && len(got.kept) == 0:
			unfiltered = true
		default:
			return got.kept, a, nil
		}
	}
	if c.optional {
		return nil, attempt{}, refusedOr(refusal)
	}
	return nil, attempt{}, &source.Incomplete{Reason: "the service does not give a list of " + c.what, Err: refusedOr(refusal)}
}

func refusedOr(err error) error {
	if err != nil {
		return err
	}
	return &notServed{} // remembered from before
}

func (r *Reader) refusesAny(a attempt) bool {
	parts := a.parts()
	for _, p := range parts {
		if r.refuses(a.route, p) {
			return true
		}
	}
	return len(parts) > 0 && r.refuses(a.route, strings.Join(parts, "+"))
}

// learn remembers what the service does not have. A query that is refused says with some
// services what was wrong with it; with others only this combination is known to be. A
// shared list that is not there is asked for again the next time: nothing stands in for
// it, and it may have been an accident.
func (r *Reader) learn(a attempt, u *notServed) {
	switch {
	case !u.query && a.own:
		r.miss(a.route)
	case !u.query:
	case a.sort && u.reason.has("invalidsortfield"):
		r.refuse(a.route, "sort")
	case a.fields && (u.reason.has("invalidselectionfield") || u.reason.has("invalidblankselectionfield")):
		r.refuse(a.route, "fields")
	case a.filter && u.reason.has("invalidfilterfield"):
		r.refuse(a.route, "filter")
	case len(a.parts()) > 0:
		r.refuse(a.route, strings.Join(a.parts(), "+"))
	}
}

// observe notes warnings that came beside a list. Records in no known order are a poor
// ground for paging by offset: what moves meanwhile is found by its id only.
func (r *Reader) observe(c *collection, a attempt, unsorted, unfiltered bool) {
	if unsorted && a.sort {
		r.once("the service does not sort its list of " + c.what)
	}
	if unfiltered && a.filter {
		r.once("the service does not filter its list of " + c.what)
	}
}
