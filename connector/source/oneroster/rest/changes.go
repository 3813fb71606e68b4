package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"simscim/connector/source/oneroster"
	"simscim/roster"
)

// Change says that a record changed, and nothing of what is in it.
type Change struct {
	// Kind is the name of the collection: "users", "enrollments".
	Kind string
	ID   string
	// Orgs are the organisations that the record names. One that names none, such as an
	// academic session, concerns all.
	Orgs []string
	// Gone says that the record is marked as deleted.
	Gone bool
	// At is when it changed, zero where the service does not say.
	At time.Time
}

// ErrNoDelta says that the service does not tell when its records changed, so that only
// a full read is of use.
var ErrNoDelta = errors.New("the service does not tell when its records changed")

// Changes lists the records of all schools that changed at since or later. It tells what
// to read again, and never proves that anything is gone or that nothing changed: marks
// of what was deleted are purged early by some services, and some do not touch a
// record's date when only a relation of it changes.
//
// The filter is asked for and not relied on: each record's own date is looked at, and
// one without a date counts as changed. Clocks differ, and what changes during a read
// may be missed by it, so callers ask from some time before the last read began.
func (r *Reader) Changes(ctx context.Context, since time.Time) ([]Change, error) {
	if err := r.dated(ctx); err != nil {
		return nil, err
	}
	org := "orgs"
	if r.version == Version12 {
		org = "roles"
	}
	var out []Change
	for _, c := range []struct{ name, refs string }{
		{"academicSessions", ""}, {"courses", ",org"}, {"classes", ",school"}, {"users", "," + org}, {"enrollments", ",school"},
	} {
		changed, err := r.changesOf(ctx, c.name, "sourcedId,status,dateLastModified"+c.refs, since)
		if err != nil {
			return nil, err
		}
		out = append(out, changed...)
	}
	return out, nil
}

// dated looks at one record without a filter: where records have no date, a filter by it
// finds nothing, which would look as if nothing had changed.
func (r *Reader) dated(ctx context.Context) error {
	l := &list{what: "users", key: "users", route: "/users"}
	dated := false
	address := r.prefix + "/users?" + url.Values{"limit": {"1"}, "fields": {"sourcedId,dateLastModified"}}.Encode()
	_, err := fetch(ctx, r, l, 1, address, func() func(*json.Decoder) error {
		return func(dec *json.Decoder) error {
			e, err := decodeEntry(dec, func(raw *rawChange, n *notes) Change { return raw.change(n, "users") })
			dated = dated || !e.value.At.IsZero()
			return err
		}
	})
	if err == nil && !dated || missing(err) {
		err = errors.Join(ErrNoDelta, err)
	}
	return err
}

func (r *Reader) changesOf(ctx context.Context, name, fields string, since time.Time) ([]Change, error) {
	// A moment earlier, since services differ on whether > takes its own value in.
	from := since.Add(-time.Millisecond).UTC().Format("2006-01-02T15:04:05.000Z")
	l := &list{what: "changed " + name, key: name, route: "/" + name, path: "/" + name, query: url.Values{
		"filter": {"dateLastModified>'" + from + "'"}, "fields": {fields}, "sort": {"sourcedId"}, "orderBy": {"asc"},
	}}
	undated := 0
	w, err := readList(ctx, r, l, func(dec *json.Decoder) (Change, verdict, error) {
		e, err := decodeEntry(dec, func(raw *rawChange, n *notes) Change { return raw.change(n, name) })
		c := e.value
		if c.At.IsZero() {
			undated++
		}
		return c, verdict{id: c.ID, keep: e.notes.problem != "" || c.At.IsZero() || !c.At.Before(since)}, err
	})
	switch {
	case missing(err) && name == "courses":
		return nil, nil // not every service has them
	case missing(err):
		return nil, fmt.Errorf("list changed %s: %w", name, errors.Join(ErrNoDelta, err))
	case err != nil:
		return nil, err
	case w.records > 0 && undated >= w.records, w.unfiltered:
		return nil, fmt.Errorf("list changed %s: %w", name, ErrNoDelta)
	}
	return w.kept, nil
}

// rawChange is what records of all kinds may have of it.
type rawChange struct {
	ID       text            `json:"sourcedId"`
	Status   text            `json:"status"`
	Modified text            `json:"dateLastModified"`
	Org      ref             `json:"org"`
	School   ref             `json:"school"`
	Orgs     refs            `json:"orgs"`
	Roles    listOf[rawRole] `json:"roles"`
}

func (r *rawChange) change(n *notes, kind string) Change {
	c := Change{Kind: kind, ID: n.must("sourcedId", r.ID), Gone: oneroster.Status(r.Status.s) == oneroster.ToBeDeleted}
	if at, err := time.Parse(time.RFC3339, r.Modified.s); err == nil {
		c.At = at
	}
	ids := append([]string{r.Org.id, r.School.id}, r.Orgs.ids...)
	for _, role := range r.Roles.all {
		ids = append(ids, role.Org.id)
	}
	seen := map[string]bool{"": true}
	for _, id := range ids {
		if id = roster.CanonicalID(id); !seen[id] {
			seen[id] = true
			c.Orgs = append(c.Orgs, id)
		}
	}
	return c
}

// Changes lists what changed at the service, see Reader.Changes. It is no part of the
// contract of sources.
func (s *Source) Changes(ctx context.Context, since time.Time) ([]Change, error) {
	return s.reader.Changes(ctx, since)
}
