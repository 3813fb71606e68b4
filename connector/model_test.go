package connector_test

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"simscim/config"
	"simscim/connector"
	"simscim/connector/ledger"
	"simscim/connector/ledger/sqlledger"
	"simscim/connector/source"
	"simscim/connector/target"
)

// The limits of the model's school. Its leavers are suspended when two reads and a day
// went by without them, and deleted after ninety days.
const (
	graceReads   = 2
	retention    = 90 * 24 * time.Hour
	few          = 10 // of fewer people, none are too few
	mostSuspends = 2
	mostDeletes  = 1
	mostEnded    = 1
	mostRemoved  = 3 // members of one group
)

const modelConfig = `version: 1
sources: {sims: {type: sims-id, vendor: {application: 00000000-0000-4000-8000-000000000001, organisation: 00000000-0000-4000-8000-000000000002, clientID: env:A, clientSecret: env:B}}}
targets: {dir: {type: scim, url: https://x.example, auth: {type: bearer, token: env:T}}}
mappings:
  m:
    users:
      key: person.id
      attributes:
        userName: {unique: [clean(person.givenName + person.familyName), clean(person.givenName + person.familyName) + person.id]}
        displayName: person.givenName + ' ' + person.familyName
    groups: [{from: class, displayName: group.name}]
sites: [{match: {name: Oak}, targets: [dir], mapping: m}]
safeguards:
  suspendUsers: {count: 2}
  deleteUsers: {count: 1}
  deleteGroups: {count: 1}
  removeMembers: {count: 3, perGroup: true}
leavers: {graceSnapshots: 2, graceHours: %d, deleteAfterDays: 90}
`

// TestModel lets anything happen to a school, its target and the engine itself, in any
// order, and holds every sync to what the engine promises.
func TestModel(t *testing.T) {
	t.Parallel()
	routes := map[time.Duration]*connector.Routes{}
	for _, hours := range []int{0, 24} {
		cfg, problems := config.Parse("model.yaml", fmt.Appendf(nil, modelConfig, hours))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if routes[time.Duration(hours)*time.Hour], problems = connector.Compile(cfg); len(problems) > 0 {
			t.Fatal(problems)
		}
	}
	dir, n := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		grace := rapid.SampledFrom([]time.Duration{0, 24 * time.Hour}).Draw(t, "grace")
		m := newModel(t, grace, routes[grace], filepath.Join(dir, fmt.Sprint(n, ".db")))
		defer m.close()
		t.Repeat(map[string]func(*rapid.T){
			"join": m.join, "leave": m.leave, "return": m.comeBack, "rename": m.rename, "move": m.move, "class": m.class,
			"reading": m.badReading, "target": m.misbehave, "mend": m.mend,
			"stranger": m.stranger, "foreign member": m.foreignMember, "vandal": m.vandal,
			"time": m.timePasses, "sync": m.plainSync, "crash": m.crash, "approve": m.approve, "converge": m.converge,
		})
		m.converge(t)
	})
}

// model is the school, its target and the engine, and what is known of their past.
type model struct {
	ctx    context.Context
	clock  time.Time
	grace  time.Duration
	routes *connector.Routes
	path   string
	school *oak
	dir    *directory
	ledger *mortal
	engine *connector.Engine
	next   int
	// known is how many people the engine has seen at the school.
	known int
	// held is the last hold; approved says that somebody has let it pass.
	held     int64
	approved bool
	// unsure says that it is not known what a run did, and that none has settled it since.
	unsure bool
	past   map[string]*history
	// names tells who had which user name first, by its folded form.
	names map[string]string
}

// history is what is known of one of our objects, by key.
type history struct {
	// least and most bound how often, and since when, it was missed by the engine: a run
	// that was interrupted may have noted it, or not.
	least, most absence
	// suspended is when an account was first seen suspended, and surely when a run that
	// went well left it so.
	suspended, surely time.Time
	name              string
	// spoilt says that somebody changed it at the target behind our back.
	spoilt bool
}

type absence struct {
	reads int
	since time.Time
}

func (a *absence) missed(now time.Time) {
	if a.reads++; a.reads == 1 {
		a.since = now
	}
}

func (m *model) over(a absence) bool {
	return a.reads >= graceReads && m.clock.Sub(a.since) >= m.grace
}

func newModel(t *rapid.T, grace time.Duration, routes *connector.Routes, path string) *model {
	m := &model{
		ctx: context.Background(), clock: time.Date(2026, 11, 2, 2, 0, 0, 0, time.UTC), grace: grace, routes: routes, path: path,
		dir:  &directory{objects: map[string]*object{}, readable: rapid.Bool().Draw(t, "members readable")},
		past: map[string]*history{}, names: map[string]string{},
	}
	m.school = &oak{now: m.now, pupils: map[string]*pupil{}, classes: map[string]bool{"1A": true, "1B": true}, reading: whole}
	for range 12 {
		m.join(t)
	}
	m.open(t)
	return m
}

func (m *model) now() time.Time { return m.clock }

// open makes a new engine on the store, as a new process does.
func (m *model) open(t *rapid.T) {
	l, err := sqlledger.Open(m.ctx, "file:"+m.path, sqlledger.Options{Now: m.now})
	if err != nil {
		t.Fatal(err)
	}
	m.ledger = &mortal{Ledger: l}
	m.engine, err = connector.New(connector.Options{
		Sources: map[string]source.Source{"sims": m.school}, Targets: map[string]target.Target{"dir": m.dir},
		Ledger: m.ledger, Routes: m.routes, Now: m.now,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// wanted tells whether the school has the person or the class.
func (m *model) wanted(key string) bool {
	if class, ok := strings.CutPrefix(key, "oak:class:"); ok {
		return m.school.classes[class]
	}
	return m.school.pupils[key].here
}

func (m *model) close() { _ = m.ledger.Close() }

func (m *model) of(key string) *history {
	if m.past[key] == nil {
		m.past[key] = &history{}
	}
	return m.past[key]
}

// pick draws one of the list, or skips the step where there is none.
func pick(t *rapid.T, what string, list []string) string {
	if len(list) == 0 {
		t.Skip("nobody there")
	}
	return rapid.SampledFrom(list).Draw(t, what)
}

func (m *model) people(here bool) []string {
	var ids []string
	for _, id := range slices.Sorted(maps.Keys(m.school.pupils)) {
		if m.school.pupils[id].here == here {
			ids = append(ids, id)
		}
	}
	return ids
}

// Few names, so that they meet.
func family(t *rapid.T) string {
	return rapid.SampledFrom([]string{"Lee", "Kay", "Roe"}).Draw(t, "family name")
}

func given(t *rapid.T) string {
	return rapid.SampledFrom([]string{"Ann", "Bob"}).Draw(t, "given name")
}

func class(t *rapid.T) string {
	return rapid.SampledFrom([]string{"1A", "1B", "2C"}).Draw(t, "class")
}

func (m *model) join(t *rapid.T) {
	m.next++
	m.school.pupils[fmt.Sprintf("p%02d", m.next)] = &pupil{given: given(t), family: family(t), class: class(t), here: true}
}

func (m *model) leave(t *rapid.T) {
	here := m.people(true)
	if len(here) == 1 {
		t.Skip("a school without anybody is none")
	}
	m.school.pupils[pick(t, "who", here)].here = false
}

func (m *model) comeBack(t *rapid.T) { m.school.pupils[pick(t, "who", m.people(false))].here = true }

func (m *model) rename(t *rapid.T) {
	m.school.pupils[pick(t, "who", m.people(true))].family = family(t)
}

func (m *model) move(t *rapid.T) {
	m.school.pupils[pick(t, "who", m.people(true))].class = class(t)
}

func (m *model) class(t *rapid.T) {
	name := class(t)
	m.school.classes[name] = !m.school.classes[name]
	if !slices.Contains(slices.Collect(maps.Values(m.school.classes)), true) {
		m.school.classes[name] = true // nor is one without any class
	}
}

func (m *model) badReading(t *rapid.T) {
	ways := []reading{incomplete, broken, frozen, unlisted}
	if m.known > 0 {
		ways = append(ways, empty)
	}
	if m.known >= few {
		ways = append(ways, sparse)
	}
	m.school.reading = rapid.SampledFrom(ways).Draw(t, "the school is read")
}

func (m *model) misbehave(t *rapid.T) {
	f := &m.dir.faults
	switch rapid.SampledFrom([]string{"down", "busy", "lost", "spoilt", "refused"}).Draw(t, "the target is") {
	case "down":
		f.down = true
	case "busy":
		f.busy = rapid.IntRange(1, 6).Draw(t, "times")
	case "lost":
		f.lose, f.spoilt = rapid.IntRange(1, 12).Draw(t, "which"), false
	case "spoilt":
		f.lose, f.spoilt = rapid.IntRange(1, 12).Draw(t, "which"), true
	case "refused":
		key := pick(t, "whom", slices.Sorted(maps.Keys(m.school.pupils)))
		f.refuse = map[string]bool{key: true, "oak:class:1A": rapid.Bool().Draw(t, "and a class")}
	}
}

func (m *model) mend(*rapid.T) {
	m.dir.faults = faults{}
	m.school.reading = whole
}

// stranger makes an account or a group that is not ours, with a name that we may want.
func (m *model) stranger(t *rapid.T) {
	if rapid.Bool().Draw(t, "a group") {
		m.dir.make("Group", attrs("displayName", class(t))).foreign = true
		return
	}
	name := strings.ToUpper(given(t) + family(t))
	if m.dir.named(name) != nil {
		t.Skip("taken")
	}
	m.dir.make("User", attrs("userName", name)).foreign = true
}

// foreignMember puts a stranger into a group of ours.
func (m *model) foreignMember(t *rapid.T) {
	var users, groups []string
	for _, o := range m.dir.all("User") {
		if o.foreign {
			users = append(users, o.id)
		}
	}
	for _, o := range m.dir.all("Group") {
		if !o.foreign {
			groups = append(groups, o.id)
		}
	}
	m.dir.objects[pick(t, "group", groups)].members[pick(t, "user", users)] = true
}

// vandal deletes or changes an object of ours at the target.
func (m *model) vandal(t *rapid.T) {
	var ours []string
	for id, o := range m.dir.objects {
		if !o.foreign {
			ours = append(ours, id)
		}
	}
	slices.Sort(ours)
	o := m.dir.objects[pick(t, "which", ours)]
	h := m.of(o.text("externalId"))
	h.spoilt = true
	if rapid.Bool().Draw(t, "delete") {
		h.name = "" // somebody else may have taken it by the time it is made anew
		m.dir.remove(o.id)
		return
	}
	o.set("displayName", "nonsense")
	if m.dir.readable {
		clear(o.members) // which nobody could see otherwise
	}
}

func (m *model) timePasses(t *rapid.T) {
	m.clock = m.clock.Add(time.Duration(rapid.SampledFrom([]int{1, 12, 25, 91 * 24}).Draw(t, "hours")) * time.Hour)
}

func (m *model) approve(t *rapid.T) {
	if m.held == 0 {
		t.Skip("nothing is held")
	}
	d := ledger.Decision{Verdict: ledger.ApprovedVerdict, By: "the head", Why: "a test", At: m.clock}
	if err := m.ledger.Decide(m.ctx, m.held, d); err != nil {
		t.Fatal(err)
	}
	m.held, m.approved = 0, true
}

func (m *model) plainSync(t *rapid.T) { m.sync(t, connector.Manner{}) }

// crash kills the engine after some writes to the target or to the store, or tells it to
// stop after some writes to the target.
func (m *model) crash(t *rapid.T) {
	n := rapid.IntRange(1, 20).Draw(t, "writes")
	ctx := m.ctx
	stopped, stop := context.WithCancel(ctx)
	defer stop()
	switch rapid.SampledFrom([]string{"target", "store", "stop"}).Draw(t, "of") {
	case "target":
		m.dir.crashIn, m.dir.crash = n, m.ledger.die
	case "store":
		m.ledger.left = n
	case "stop":
		m.ctx, m.dir.crashIn, m.dir.crash = stopped, n, stop
	}
	m.sync(t, connector.Manner{})
	m.dir.crashIn, m.ctx = 0, ctx
	m.close()
	m.open(t)
}

// converge mends everything, and wants everything to be as it should be after one sync
// that reads the target back, and nothing to be done after it.
func (m *model) converge(t *rapid.T) {
	m.mend(t)
	m.thorough(t)
	if m.grace == 0 { // a second read may be all that was waited for
		m.thorough(t)
	}
	for key, h := range m.past { // what nobody wants is not mended either
		h.spoilt = h.spoilt && !m.wanted(key)
	}
	m.exact(t, nil)
	writes, reads := m.dir.writes, m.dir.reads
	run := m.sync(t, connector.Manner{})
	if run.Status != connector.Done || m.dir.writes != writes || m.dir.reads != reads {
		t.Fatalf("an unchanged roll: %s: %s, %d writes, %d reads", run.Status, run.Reason, m.dir.writes-writes, m.dir.reads-reads)
	}
}

// thorough is a sync that reads the target back, with the approvals that it needs. It must
// go well.
func (m *model) thorough(t *rapid.T) {
	manner := connector.Manner{ReadBack: true, Retry: true, AcceptSmaller: true}
	run := m.sync(t, manner)
	if run.Status == connector.Held {
		m.approve(t)
		run = m.sync(t, manner)
	}
	if run.Status != connector.Done {
		t.Fatalf("it does not converge: %s: %s %+v", run.Status, run.Reason, run.Troubles)
	}
}
