package connector_test

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"pgregory.net/rapid"

	"simscim/connector"
	"simscim/scim"
)

func attrs(path scim.Path, value any) map[scim.Path]any { return map[scim.Path]any{path: value} }

// view is what is at the target: our objects by key, and those of others.
type view struct {
	users, groups map[string]object
	foreign       map[string]string
}

// view looks at the target. Nothing of ours may be there twice.
func (m *model) view(t *rapid.T) view {
	v := view{map[string]object{}, map[string]object{}, map[string]string{}}
	for kind, into := range map[scim.Kind]map[string]object{scim.User: v.users, scim.Group: v.groups} {
		for _, o := range m.dir.all(kind) {
			if o.foreign {
				v.foreign[o.id] = fmt.Sprint(o.attrs, o.members)
				continue
			}
			key := o.text("externalId")
			if _, twice := into[key]; twice {
				t.Fatalf("%s %s is there twice", kind, key)
			}
			into[key] = object{id: o.id, kind: kind, attrs: maps.Clone(o.attrs), members: maps.Clone(o.members)}
		}
	}
	return v
}

func (o object) active() bool { return o.attrs["active"] != false }

// sync lets the engine run once, and holds it to its promises.
func (m *model) sync(t *rapid.T, manner connector.Manner) *connector.Run {
	before, writes := m.view(t), m.dir.writes
	report, err := m.engine.Sync(m.ctx, connector.Selection{}, manner)
	dead := m.ledger.died() || m.ctx.Err() != nil
	if err != nil {
		if !dead {
			t.Fatal(err)
		}
		report = &connector.Report{Runs: []*connector.Run{{Status: connector.Failed, Reason: err.Error()}}}
	}
	run := report.Runs[0]
	t.Logf("%s: %s: %s %+v", m.clock.Format("2006-01-02 15h"), run.Status, run.Reason, run.Troubles)
	after := m.view(t)
	m.held = run.Hold
	if m.school.reading == whole && run.Status != connector.Skipped {
		now := len(m.people(true))
		if dead { // which may have been before it was noted
			now = min(now, m.known)
		}
		m.known = now
	}
	idle := run.Status == connector.Skipped || run.Status == connector.Held
	if idle || m.school.reading != whole {
		if m.dir.writes != writes {
			t.Fatalf("%s, and %d writes", run.Status, m.dir.writes-writes)
		}
		if m.school.reading == whole && run.Status != connector.Skipped {
			m.seen(dead)
		}
		return run
	}
	well := !dead && (run.Status == connector.Done || run.Status == connector.Partial)
	m.unsure = dead || m.dir.unsettled || m.unsure && run.Status != connector.Done
	m.dir.unsettled = false
	m.seen(dead)
	m.count(well)
	m.promises(t, before, after)
	m.limits(t, before, after)
	m.approved = m.approved && dead
	m.remember(t, after, well)
	if well {
		except := map[string]bool{}
		for _, trouble := range run.Troubles {
			except[trouble.Key] = true
		}
		m.exact(t, except)
	}
	return run
}

// seen ends the absence of who is on the roll again. A run that died may have done so
// before it was noted.
func (m *model) seen(dead bool) {
	back := func(key string, wanted bool) {
		if h := m.of(key); wanted {
			h.least = absence{}
			if !dead {
				h.most = absence{}
			}
		}
	}
	for id, p := range m.school.pupils {
		back(id, p.here)
	}
	for class := range m.school.classes {
		back("oak:class:"+class, m.school.classes[class])
	}
}

// count counts who is missing.
func (m *model) count(well bool) {
	missing := func(key string, wanted bool) {
		h := m.of(key)
		if wanted {
			return
		}
		h.most.missed(m.clock)
		if well {
			h.least.missed(m.clock)
		}
	}
	for id, p := range m.school.pupils {
		missing(id, p.here)
	}
	for class := range m.school.classes {
		missing("oak:class:"+class, m.school.classes[class])
	}
}

// membersOf are the people of a class, nobody where there is no such class.
func (m *model) membersOf(class string) []string {
	if !m.school.classes[class] {
		return nil
	}
	return slices.DeleteFunc(m.people(true), func(id string) bool { return m.school.pupils[id].class != class })
}

// promises are what no sync may break, however it ends.
func (m *model) promises(t *rapid.T, before, after view) {
	for id, was := range before.foreign {
		if now := after.foreign[id]; now != was {
			t.Fatalf("what is not ours was touched: %s became %s", was, now)
		}
	}
	for key, was := range before.users {
		h, now := m.of(key), after.users[key]
		here := m.school.pupils[key].here
		switch {
		case now.id == "" && (here || h.suspended.IsZero() || m.clock.Sub(h.suspended) < retention):
			t.Fatalf("%s was deleted before its time", key)
		case now.id == "":
		case was.active() && !now.active() && (here || !m.over(h.most)):
			t.Fatalf("%s was suspended before the grace was over", key)
		}
	}
	for key, was := range before.groups {
		now, there := after.groups[key]
		if !there {
			if !m.over(m.of(key).most) {
				t.Fatalf("group %s was deleted before its time", key)
			}
			continue
		}
		for id := range was.members {
			o := m.dir.objects[id]
			if now.members[id] || o == nil {
				continue
			}
			person := m.school.pupils[o.text("externalId")]
			if o.foreign || person.here && "oak:class:"+person.class == key && m.school.classes[person.class] {
				t.Fatalf("%s lost a member who belongs there", key)
			}
		}
	}
}

// limits are what no sync may do without an approval.
func (m *model) limits(t *rapid.T, before, after view) {
	if m.approved {
		return
	}
	suspends, deletes, ended, removed := 0, 0, 0, 0
	for key, was := range before.users {
		now, there := after.users[key]
		if !there {
			deletes++
		} else if was.active() && !now.active() {
			suspends++
		}
	}
	for key, was := range before.groups {
		now, there := after.groups[key]
		if !there {
			ended++
			continue
		}
		for id := range now.members {
			delete(was.members, id)
		}
		removed = max(removed, len(was.members))
	}
	if suspends > mostSuspends || deletes > mostDeletes || ended > mostEnded || removed > mostRemoved {
		t.Fatalf("nobody approved %d suspensions, %d deletions, %d ended groups and %d members of one group removed", suspends, deletes, ended, removed)
	}
}

// remember keeps in mind what is there now. Names stay, and never change hands.
func (m *model) remember(t *rapid.T, after view, well bool) {
	for key := range m.school.pupils {
		h := m.of(key)
		o, there := after.users[key]
		if !there {
			h.name = "" // whoever was deleted begins anew
		}
		if !there || o.active() {
			h.suspended, h.surely = time.Time{}, time.Time{}
		} else {
			h.suspended = earlier(h.suspended, m.clock)
			if well {
				h.surely = earlier(h.surely, m.clock)
			}
		}
		if !there {
			continue
		}
		name := o.text("userName")
		if h.name != "" && h.name != name {
			t.Fatalf("the user name of %s changed", key)
		}
		h.name = name
		if other, taken := m.names[scim.Fold(name)]; taken && other != key {
			t.Fatalf("%s has the user name that was %s's", key, other)
		}
		m.names[scim.Fold(name)] = key
	}
}

// exact wants everything at the target to be as it should be, but for the objects that
// are excepted or that somebody has spoilt.
func (m *model) exact(t *rapid.T, except map[string]bool) {
	v := m.view(t)
	skip := func(key string) bool { return except[key] || m.of(key).spoilt }
	for key, p := range m.school.pupils {
		u, there := v.users[key]
		h := m.of(key)
		switch {
		case skip(key):
		case p.here && (!there || !u.active() || u.text("displayName") != p.given+" "+p.family):
			t.Fatalf("%s is not as the roll has it: %v", key, u.attrs)
		case !p.here && there && u.active() && m.over(h.least):
			t.Fatalf("%s should be suspended by now", key)
		case there && !u.active() && !h.surely.IsZero() && m.clock.Sub(h.surely) >= retention:
			t.Fatalf("%s should be deleted by now", key)
		}
	}
	for class := range m.school.classes {
		key := "oak:class:" + class
		here := m.school.classes[class]
		g, there := v.groups[key]
		switch {
		case skip(key):
		case !here && there && m.over(m.of(key).least):
			t.Fatalf("%s should be gone by now", key)
		case here && (!there || g.text("displayName") != class):
			t.Fatalf("%s is not as the school has it: %v", key, g.attrs)
		case here:
			m.exactMembers(t, v, class, g, skip)
		}
	}
}

// exactMembers wants the people of the class in its group, and nobody else but
// strangers, and those who may yet return.
func (m *model) exactMembers(t *rapid.T, v view, class string, g object, skip func(string) bool) {
	for _, id := range m.membersOf(class) {
		if u := v.users[id]; !skip(id) && !g.members[u.id] {
			t.Fatalf("%s is not in %s", id, class)
		}
	}
	for id := range g.members {
		o := m.dir.objects[id]
		key := o.text("externalId")
		p := m.school.pupils[key]
		if o.foreign || skip(key) || p.here && p.class == class || !p.here && o.attrs["active"] != false {
			continue
		}
		t.Fatalf("%s is in %s, and does not belong there", key, class)
	}
}

// earlier is the earlier of two times; a time that was never set is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}
