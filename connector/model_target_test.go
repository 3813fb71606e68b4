package connector_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"slices"
	"sync"

	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/scim"
)

// directory is a target in memory that fails on demand. It looks after unique user
// names and nothing else: whoever makes a group twice has two.
type directory struct {
	// readable says that reading a group shows its members.
	readable bool

	mu      sync.Mutex
	next    int
	objects map[string]*object
	// writes and reads count what arrived.
	writes, reads int
	// unsettled says that an answer was lost.
	unsettled bool
	faults
}

// faults are what goes wrong until somebody mends it; numbers count down.
type faults struct {
	// down refuses everything, busy so many writes.
	down bool
	busy int
	// lose loses the answer to the write that is so many writes ahead; spoilt says that
	// it was not carried out either.
	lose   int
	spoilt bool
	// refuse are the keys of objects that are never taken.
	refuse map[string]bool
	// crashIn kills the engine after so many writes have been carried out.
	crashIn int
	crash   func()
}

// object is a user or a group.
type object struct {
	id      string
	kind    scim.Kind
	attrs   map[scim.Path]any
	members map[string]bool
	// foreign says that somebody else made it.
	foreign bool
}

func (o *object) text(path scim.Path) string {
	s, _ := o.attrs[path].(string)
	return s
}

var (
	errDown  = errors.New("no answer")
	errCrash = errors.New("the engine is dead")
)

func (d *directory) make(kind scim.Kind, attrs map[scim.Path]any) *object {
	d.next++
	o := &object{id: fmt.Sprintf("r%d", d.next), kind: kind, attrs: attrs, members: map[string]bool{}}
	d.objects[o.id] = o
	return o
}

// remove deletes an object; users leave their groups.
func (d *directory) remove(id string) {
	delete(d.objects, id)
	for _, o := range d.objects {
		delete(o.members, id)
	}
}

// all are the objects of a kind in the order in which they were made.
func (d *directory) all(kind scim.Kind) []*object {
	var list []*object
	for i := range d.next {
		if o := d.objects[fmt.Sprintf("r%d", i+1)]; o != nil && o.kind == kind {
			list = append(list, o)
		}
	}
	return list
}

// named returns the user with the name, in any case.
func (d *directory) named(name string) *object {
	for _, o := range d.all(scim.User) {
		if scim.Fold(o.text("userName")) == scim.Fold(name) {
			return o
		}
	}
	return nil
}

func (d *directory) Capabilities(context.Context) (target.Capabilities, error) {
	return target.Capabilities{
		Users: true, Groups: true, Suspend: true, Delete: true, DeleteGroups: true, RenameGroups: true,
		FilterUsers: []scim.Path{"externalId", "userName"}, FilterGroups: []scim.Path{"externalId", "displayName"},
		MembersReadable: d.readable, PageSize: 100, MembersPerCreate: 2, MembersPerAdd: 2, MembersPerRemove: 1,
	}, nil
}

// read lets a request in that changes nothing.
func (d *directory) read() error {
	d.reads++
	if d.down {
		return errDown
	}
	return nil
}

func (d *directory) Count(_ context.Context, kind scim.Kind) (int, bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.all(kind)), true, d.read()
}

func (d *directory) List(_ context.Context, kind scim.Kind, paths []scim.Path) iter.Seq2[target.Object, error] {
	return func(yield func(target.Object, error) bool) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if err := d.read(); err != nil {
			yield(target.Object{}, err)
			return
		}
		for _, o := range d.all(kind) {
			if !yield(d.show(o, paths), nil) {
				return
			}
		}
	}
}

func (d *directory) Find(_ context.Context, kind scim.Kind, path scim.Path, value string, paths []scim.Path) ([]target.Object, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.read(); err != nil {
		return nil, err
	}
	var found []target.Object
	for _, o := range d.all(kind) {
		if scim.SameValue(path, o.attrs[path], value) {
			found = append(found, d.show(o, paths))
		}
	}
	return found, nil
}

func (d *directory) Get(_ context.Context, kind scim.Kind, id string, paths []scim.Path) (target.Object, bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.read(); err != nil {
		return target.Object{}, false, err
	}
	o := d.objects[id]
	if o == nil || o.kind != kind {
		return target.Object{}, false, nil
	}
	return d.show(o, paths), true, nil
}

func (d *directory) Requests() int64 { return 0 }

func (d *directory) show(o *object, paths []scim.Path) target.Object {
	seen := target.Object{Kind: o.kind, RemoteID: o.id, ExternalID: o.text("externalId")}
	for _, path := range append([]scim.Path{"userName", "displayName"}, paths...) {
		if v, ok := o.attrs[path]; ok {
			seen.Attributes = append(seen.Attributes, scim.Attribute{Path: path, Value: v})
		}
	}
	seen.Attributes = seen.Attributes.Sort()
	if o.kind == scim.Group && d.readable {
		seen.Members, seen.MembersKnown = slices.Sorted(maps.Keys(o.members)), true
	}
	return seen
}

// Apply carries out one change after the other, each in small pieces.
func (d *directory) Apply(ctx context.Context, changes []plan.Change, lookup target.Lookup, confirm func(target.Outcome) error) error {
	for i := range changes {
		c := &changes[i]
		todo := d.steps(c, lookup)
		if len(todo) == 0 { // everything is as it should be already
			todo = append(todo, func() (target.Outcome, error) { return target.Outcome{RemoteID: c.RemoteID, Attributes: true}, nil })
		}
		for n, step := range todo {
			if err := ctx.Err(); err != nil {
				return err
			}
			out, ends, err := d.write(c, step)
			if ends {
				return err
			}
			out.Change, out.Err, out.Final = c, err, err != nil || n == len(todo)-1
			if err := confirm(out); err != nil {
				return err
			}
			if out.Final {
				break
			}
		}
	}
	return nil
}

// write carries out a step, unless a fault says otherwise. ends says that nothing more
// can be done at all.
func (d *directory) write(c *plan.Change, step func() (target.Outcome, error)) (out target.Outcome, ends bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writes++
	out = target.Outcome{RemoteID: c.RemoteID}
	lost := d.lose == 1
	d.lose = max(d.lose-1, 0)
	switch {
	case d.down:
		d.unsettled = true
		return out, true, errDown
	case d.busy > 0:
		d.busy--
		return out, false, &scim.Error{Status: http.StatusTooManyRequests}
	case d.refuse[c.Key]:
		return out, false, &scim.Error{Status: http.StatusBadRequest, Detail: "no"}
	case lost:
		if !d.spoilt {
			_, _ = step() // nobody hears how it went
		}
		out.Unsettled, d.unsettled = true, true
		return out, false, errDown
	}
	if out, err = step(); err != nil {
		return out, false, err
	}
	if d.crashIn > 0 {
		if d.crashIn--; d.crashIn == 0 {
			d.crash()
			return out, true, errCrash
		}
	}
	return out, false, nil
}

// steps are the requests that a change takes.
func (d *directory) steps(c *plan.Change, lookup target.Lookup) (steps []func() (target.Outcome, error)) {
	id := c.RemoteID
	add, remove := c.Add, c.Remove
	switch c.Action {
	case plan.DeleteUser, plan.DeleteGroup:
		return append(steps, func() (target.Outcome, error) {
			d.remove(id)
			return target.Outcome{RemoteID: id, Gone: true}, nil
		})
	case plan.CreateUser, plan.CreateGroup:
		inline := add[:min(len(add), 2)]
		add = add[len(inline):]
		steps = append(steps, func() (target.Outcome, error) {
			if other := d.named(c.After.String("userName")); c.Kind == scim.User && other != nil {
				if other.text("externalId") != c.Key {
					return target.Outcome{}, &scim.Error{Status: http.StatusConflict, ScimType: scim.TypeUniqueness}
				}
				id = other.id // made before, and nobody knew
			} else {
				id = d.make(c.Kind, map[scim.Path]any{}).id
			}
			for _, a := range c.After {
				d.objects[id].set(a.Path, a.Value)
			}
			return target.Outcome{RemoteID: id, Attributes: true, Added: d.join(id, inline, lookup)}, nil
		})
	default:
		if len(c.Set) > 0 {
			steps = append(steps, func() (target.Outcome, error) { return d.change(id, c) })
		}
	}
	piece := func(do func() target.Outcome) {
		steps = append(steps, func() (target.Outcome, error) {
			if d.objects[id] == nil {
				return target.Outcome{RemoteID: id, Gone: true}, &scim.Error{Status: http.StatusNotFound}
			}
			out := do()
			out.RemoteID, out.Attributes = id, len(c.Set) == 0 && c.RemoteID != ""
			return out, nil
		})
	}
	for chunk := range slices.Chunk(add, 2) {
		piece(func() target.Outcome { return target.Outcome{Added: d.join(id, chunk, lookup)} })
	}
	for _, key := range remove {
		piece(func() target.Outcome {
			if user, ok := lookup(key); ok {
				delete(d.objects[id].members, user)
			}
			return target.Outcome{Removed: []string{key}}
		})
	}
	return steps
}

// change sets the attributes that differ.
func (d *directory) change(id string, c *plan.Change) (target.Outcome, error) {
	out, o := target.Outcome{RemoteID: id, Attributes: true}, d.objects[id]
	if o == nil {
		return target.Outcome{RemoteID: id, Gone: true}, &scim.Error{Status: http.StatusNotFound}
	}
	for _, f := range c.Set {
		name, _ := f.After.(string)
		if other := d.named(name); f.Path == "userName" && other != nil && other != o {
			return target.Outcome{RemoteID: id}, &scim.Error{Status: http.StatusConflict, ScimType: scim.TypeUniqueness}
		}
	}
	for _, f := range c.Set {
		o.set(f.Path, f.After)
	}
	return out, nil
}

func (o *object) set(path scim.Path, value any) {
	if scim.IsUnassigned(value) {
		delete(o.attrs, path)
	} else {
		o.attrs[path] = value
	}
}

// join puts the users into the group and returns those who exist.
func (d *directory) join(id string, keys []string, lookup target.Lookup) (added []string) {
	for _, key := range keys {
		if user, ok := lookup(key); ok && d.objects[user] != nil {
			d.objects[id].members[user] = true
			added = append(added, key)
		}
	}
	return added
}
