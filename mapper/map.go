package mapper

import (
	"cmp"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cel.dev/cel-go/common/types"
	"github.com/google/uuid"

	"simscim/roster"
	"simscim/scim"
)

// Map works out what the snapshot's site should have. The same snapshot and the same
// answers of names give the same result, whatever order the source read things in.
// People are worked on by all processors; names is asked one person at a time, in the
// order of their keys.
//
// Records of different kinds with one key are one person, such as a teacher who is a
// parent too: one account, with the attributes of the staff record before the
// student's before the contact's, in the groups of them all. Two records of one kind
// with one key are a mistake of the roll or of the key rule: the first by id keeps the
// account and the others are problems.
func (m *Mapping) Map(snap *roster.Snapshot, names Namer) *Desired {
	w := m.begin(snap)
	w.findScope()
	w.link()
	w.issueNames(names)
	w.makeUsers()
	w.makeGroups()
	return w.finish()
}

// work is one call of Map.
type work struct {
	*Mapping
	snap    *roster.Snapshot
	base    scope
	entries []entry
	// byPerson finds the entry of a person by id.
	byPerson map[string]*entry
	accounts []account
	desired  *Desired
}

// entry is one record and where it stands.
type entry struct {
	person *roster.Person
	// key is empty for who is out of scope, and for who has no usable key.
	key   string
	inOut standing
	// protected is for somebody whose account is to be left as it is. Such a record is in
	// doubt without a problem.
	protected bool
	err       *Problem
}

type standing uint8

const (
	outOfScope standing = iota
	inScope
	// inDoubt is for people for whom a rule failed: they get no account from this
	// run, and lose none, nor their places in groups.
	inDoubt
)

// account is one person, known by one or several records.
type account struct {
	key  string
	main *entry
	name string
	// first is the first candidate for the name, if it was worked out ahead.
	first string
	ahead bool
	user  User
	err   *Problem
}

func (m *Mapping) begin(snap *roster.Snapshot) *work {
	year := roster.AcademicYear(snap.TakenAt, snap.Site.YearStart)
	return &work{
		Mapping: m,
		snap:    snap,
		base: scope{
			person:       personView{academicYear: year},
			site:         &siteView{Site: snap.Site, vars: m.vars},
			academicYear: types.Int(year),
			today:        types.String(snap.TakenAt.Format(time.DateOnly)),
			group:        &roster.Group{},
			role:         types.String(""),
			value:        types.String(""),
			userName:     types.String(""),
		},
		desired: &Desired{Site: snap.Site},
	}
}

// each runs fn for 0 to n-1 on all processors, each worker with a scope of its own.
// Small numbers are not worth a goroutine.
func (w *work) each(n int, fn func(s *scope, i int)) {
	const chunk = 256
	workers := min(runtime.GOMAXPROCS(0), (n+chunk-1)/chunk)
	if workers <= 1 {
		s := w.base
		for i := range n {
			fn(&s, i)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			s := w.base
			for {
				end := int(next.Add(chunk))
				for i := end - chunk; i < min(end, n); i++ {
					fn(&s, i)
				}
				if end >= n {
					return
				}
			}
		})
	}
	wg.Wait()
}

// findScope decides for each record whether it is in scope, and its key.
func (w *work) findScope() {
	w.entries = make([]entry, len(w.snap.People))
	w.each(len(w.entries), func(s *scope, i int) {
		e := &w.entries[i]
		e.person = &w.snap.People[i]
		s.person.Person = e.person
		in, err := w.include.bool(s)
		if err == nil && !in && w.protect == nil {
			return
		}
		e.inOut = inScope
		if err != nil {
			e.fail("", "include: "+err.Error())
		}
		if w.shield(s, e); e.inOut == inScope && !in {
			e.inOut = outOfScope
			return
		}
		key, err := w.keyOf(s)
		switch {
		case err != nil:
			e.fail("", "key: "+err.Error())
		case key == "":
			e.fail("", "the rule for the key yields nothing")
		}
		e.key = key
		if e.err != nil {
			e.err.Key = key
		}
	})
	w.byPerson = make(map[string]*entry, len(w.entries))
	for i := range w.entries {
		w.byPerson[w.entries[i].person.ID] = &w.entries[i]
	}
}

// shield finds out whether the record is protected.
func (w *work) shield(s *scope, e *entry) {
	if w.protect == nil {
		return
	}
	switch protected, err := w.protect.bool(s); {
	case err != nil:
		e.fail("", "protect: "+err.Error())
	case protected:
		e.protected, e.inOut = true, inDoubt
	}
}

// fail notes why a record is in doubt; the first reason stays.
func (e *entry) fail(path scim.Path, reason string) {
	e.inOut = inDoubt
	if e.err == nil {
		e.err = &Problem{Kind: scim.User, SourceID: e.person.ID, Key: e.key, Path: path, Reason: reason}
	}
}

// keyOf works out the identity of the person that the scope holds.
func (m *Mapping) keyOf(s *scope) (string, error) {
	if m.key != nil {
		return m.key.text(s)
	}
	id := s.person.ID
	if len(id) == 36 && uuid.Validate(id) == nil {
		return id, nil
	}
	return cmp.Or(m.scope, s.site.Source) + ":" + id, nil
}

// link gathers the records of one person under one account.
func (w *work) link() {
	order := make([]*entry, 0, len(w.entries))
	doubt := map[string]bool{}
	for i := range w.entries {
		switch e := &w.entries[i]; e.inOut {
		case inScope:
			order = append(order, e)
		case inDoubt:
			doubt[e.key] = true
		}
	}
	slices.SortFunc(order, func(a, b *entry) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(rank(a.person.Kind), rank(b.person.Kind)), cmp.Compare(a.person.ID, b.person.ID))
	})
	w.accounts = make([]account, 0, len(order))
	for i, e := range order {
		if i > 0 && order[i-1].key == e.key {
			if order[i-1].person.Kind == e.person.Kind {
				// The key stays with the first, so the problem does not carry it.
				key := e.key
				e.key = ""
				e.fail("", "another "+string(e.person.Kind)+" record of this school has the same key")
				e.key = key
			}
			continue
		}
		// What one record of a person leaves open, the others cannot decide.
		if !doubt[e.key] {
			w.accounts = append(w.accounts, account{key: e.key, main: e})
		}
	}
}

// rank orders the kinds of record that may be one person.
func rank(k roster.Kind) int {
	return slices.Index([]roster.Kind{roster.Contact, roster.Student, roster.Staff}, k) * -1
}

// issueNames gets a user name for each account. Mostly everybody has one, and no rule
// is looked at. For those who have none, the first candidates are worked out ahead, on
// all processors: at a first sync that is everybody.
func (w *work) issueNames(names Namer) {
	keys := make([]string, len(w.accounts))
	for i := range w.accounts {
		keys[i] = w.accounts[i].key
	}
	w.offer(names, keys, names.Expect(keys))
	s := w.base
	for i := range w.accounts {
		a := &w.accounts[i]
		s.person.Person = a.main.person
		w.issueName(&s, a, names)
	}
}

// offer works out the first candidates of the nameless among all accounts' keys.
func (w *work) offer(names Namer, keys, nameless []string) {
	if len(nameless) == 0 {
		return
	}
	first := make([]string, len(nameless))
	w.each(len(nameless), func(s *scope, i int) {
		// The accounts themselves are being written to by the other workers.
		at, found := slices.BinarySearch(keys, nameless[i])
		if !found {
			return
		}
		a := &w.accounts[at]
		s.person.Person = a.main.person
		a.first, a.ahead = w.name.candidates[0].name(s), true
		first[i] = a.first
	})
	names.Offer(slices.DeleteFunc(first, func(name string) bool { return name == "" }))
}

// issueName gets a user name for one account.
func (w *work) issueName(s *scope, a *account, names Namer) {
	asked, usable := false, false
	name, err := names.Name(a.key, func(yield func(string) bool) {
		asked = true
		for c := range w.candidates(s, a) {
			usable = true
			if !yield(c) {
				return
			}
		}
	}, w.name.rename)
	switch {
	case err == nil && name != "":
		a.name = name
	case asked && !usable:
		a.fail("userName", "no rule yields a usable user name")
	default:
		// What the namer says is not passed on: it may hold the name.
		a.fail("userName", "no user name could be issued")
	}
}

func (a *account) fail(path scim.Path, reason string) {
	a.err = &Problem{Kind: scim.User, SourceID: a.main.person.ID, Key: a.key, Path: path, Reason: reason}
}

// makeUsers works out the attributes.
func (w *work) makeUsers() {
	w.each(len(w.accounts), func(s *scope, i int) {
		a := &w.accounts[i]
		if a.err != nil {
			return
		}
		s.person.Person = a.main.person
		s.userName = types.String(a.name)
		attrs, path, err := w.attributes(s, a.key, a.name)
		if err != nil {
			a.fail(path, err.Error())
			return
		}
		a.user = User{Key: a.key, Person: a.main.person, Attributes: attrs, CreateOnly: w.createOnly}
		if a.user.Password, err = w.passwordFor(s); err != nil {
			a.fail("password", err.Error())
		}
	})
}

// attributes works out all attributes of the person that the scope holds, in order.
func (m *Mapping) attributes(s *scope, key, name string) (scim.Attributes, scim.Path, error) {
	attrs := make(scim.Attributes, len(m.layout))
	for i, from := range m.layout {
		var v any
		switch from {
		case fromKey:
			v = key
		case fromName:
			v = name
		case fromNothing:
			v = true // an account in scope is active unless a rule says otherwise
		default:
			var err error
			if v, err = m.attrs[from].eval(s); err != nil {
				return nil, m.attrs[from].path, err
			}
		}
		attrs[i] = scim.Attribute{Path: m.attrPaths[i], Value: v}
	}
	return attrs, "", nil
}

// passwordFor works out the kind of password for the person that the scope holds.
func (m *Mapping) passwordFor(s *scope) (Password, error) {
	if m.password == nil {
		return "", nil
	}
	v, err := m.password.eval(s)
	if err != nil || v == nil {
		return "", err
	}
	if !wantPassword.holds(v) {
		return "", ruleError("the rule has to yield " + string(wantPassword))
	}
	return Password(v.(string)), nil
}

// Where an attribute comes from, besides a rule of that index.
const (
	fromKey = -1 - iota
	fromName
	fromNothing
)

// eval works out one attribute. Nothing yielded is nil.
func (a *attrRule) eval(s *scope) (any, error) {
	v, err := a.value.eval(s)
	if err == nil && v == nil && a.fallback != nil {
		v, err = a.fallback.eval(s)
	}
	if err != nil {
		return nil, err
	}
	if !a.want.holds(v) {
		return nil, ruleError("the rule yields a value of the wrong type; it has to yield " + string(a.want))
	}
	return v, nil
}

// finish puts everything together, sorted.
func (w *work) finish() *Desired {
	d := w.desired
	d.Users = make([]User, 0, len(w.accounts))
	for i := range w.accounts {
		if a := &w.accounts[i]; a.err != nil {
			d.Problems = append(d.Problems, *a.err)
		} else {
			d.Users = append(d.Users, a.user)
		}
	}
	for i := range w.entries {
		e := &w.entries[i]
		if e.err != nil {
			d.Problems = append(d.Problems, *e.err)
		}
		if e.protected {
			d.Protected = append(d.Protected, e.person.ID)
			if e.key != "" {
				d.Protected = append(d.Protected, e.key)
			}
		}
	}
	slices.SortFunc(d.Groups, func(a, b Group) int { return cmp.Compare(a.Key, b.Key) })
	slices.SortFunc(d.Problems, func(a, b Problem) int {
		return cmp.Or(-cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.SourceID, b.SourceID), cmp.Compare(a.Key, b.Key),
			cmp.Compare(a.Path, b.Path), cmp.Compare(a.Reason, b.Reason))
	})
	return d
}
