package ledgertest

import (
	"maps"
	"slices"
	"time"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/scim"
)

// model is what a ledger of one target should be, written down as plainly as can be.
type model struct {
	objects map[ref]*thing
	// holders has the key that holds each folded name, or ledger.Foreign.
	holders  map[string]string
	baseline map[string]bool
	// claimed counts claims, which gives them an order.
	claimed int
}

type ref struct {
	kind scim.Kind
	key  string
}

// thing is one object. In known stands nothing that belongs to a claim.
type thing struct {
	known  plan.Known
	claims map[string]modelClaim
}

type modelClaim struct {
	order    int
	sourceID string
	missed   int
	since    time.Time
}

func newModel() *model {
	return &model{objects: map[ref]*thing{}, holders: map[string]string{}, baseline: map[string]bool{}}
}

// clone is how the model rolls back: the copy is thrown away.
func (m *model) clone() *model {
	c := &model{
		objects: map[ref]*thing{}, holders: maps.Clone(m.holders), baseline: maps.Clone(m.baseline), claimed: m.claimed,
	}
	for r, o := range m.objects {
		copied := &thing{known: o.known, claims: maps.Clone(o.claims)}
		copied.known.Members = maps.Clone(o.known.Members)
		c.objects[r] = copied
	}
	return c
}

func (m *model) claim(o *thing, site string, c modelClaim) {
	if old, ok := o.claims[site]; ok {
		c.order = old.order
	} else {
		m.claimed++
		c.order = m.claimed
	}
	o.claims[site] = c
}

func (m *model) put(site string, k plan.Known) {
	r := ref{k.Kind, k.Key}
	o := m.objects[r]
	if o == nil {
		o = &thing{claims: map[string]modelClaim{}}
		m.objects[r] = o
	}
	c := modelClaim{sourceID: k.SourceID, missed: k.Missed, since: k.MissingSince}
	members := o.known.Members
	o.known = k
	o.known.Members = members
	o.known.SourceID, o.known.Missed, o.known.MissingSince = "", 0, time.Time{}
	if k.Kind == scim.Group {
		o.known.Home = site
		maps.DeleteFunc(o.claims, func(other string, _ modelClaim) bool { return other != site })
	}
	m.claim(o, site, c)
	if k.Kind == scim.User && k.Name != "" {
		fold := scim.Fold(k.Name)
		if holder, ok := m.holders[fold]; !ok || holder == ledger.Foreign {
			m.holders[fold] = k.Key
		}
	}
}

func (m *model) drop(r ref) {
	delete(m.objects, r)
	if r.kind == scim.User {
		for _, o := range m.objects {
			delete(o.known.Members, r.key)
		}
	}
}

func (m *model) unclaim(site, key string) {
	o := m.objects[ref{scim.User, key}]
	if o == nil {
		return
	}
	if _, ok := o.claims[site]; ok && len(o.claims) == 1 {
		return
	}
	delete(o.claims, site)
	if o.known.Home == site {
		o.known.Home = slices.MinFunc(slices.Collect(maps.Keys(o.claims)), func(a, b string) int {
			return o.claims[a].order - o.claims[b].order
		})
	}
}

// members adds or removes members, and tells whether the group is there.
func (m *model) members(group string, users []string, add bool) bool {
	g := m.objects[ref{scim.Group, group}]
	if g == nil {
		return false
	}
	if g.known.Members == nil {
		g.known.Members = map[string]struct{}{}
	}
	for _, key := range users {
		switch _, known := m.objects[ref{scim.User, key}]; {
		case !add:
			delete(g.known.Members, key)
		case known:
			g.known.Members[key] = struct{}{}
		}
	}
	return true
}

func (m *model) missing(site string, r ref, missed int, since time.Time) {
	o := m.objects[r]
	if o == nil {
		return
	}
	if c, ok := o.claims[site]; ok {
		c.missed, c.since = missed, since
		o.claims[site] = c
	}
}

func (m *model) foreign(name string) {
	fold := scim.Fold(name)
	holder := m.holders[fold]
	if o := m.objects[ref{scim.User, holder}]; o != nil && scim.Fold(o.known.Name) == fold {
		return
	}
	m.holders[fold] = ledger.Foreign
}

func (m *model) reserve(names map[string]string) (lost []string) {
	for _, key := range slices.Sorted(maps.Keys(names)) {
		fold := scim.Fold(names[key])
		if holder, ok := m.holders[fold]; ok && holder != key {
			lost = append(lost, key)
		} else {
			m.holders[fold] = key
		}
	}
	return lost
}

// state is what Load should return for a site.
func (m *model) state(site string) *plan.State {
	s := &plan.State{
		Users: map[string]*plan.Known{}, Groups: map[string]*plan.Known{}, Settled: true, Baseline: m.baseline[site],
	}
	if s.Baseline {
		s.ReadAt = at(1)
	}
	for r, o := range m.objects {
		c, ok := o.claims[site]
		if !ok {
			continue
		}
		k := o.known
		k.SourceID, k.Missed, k.MissingSince, k.Shared = c.sourceID, c.missed, c.since, len(o.claims) > 1
		if r.kind == scim.User {
			s.Users[r.key] = &k
		} else {
			s.Groups[r.key] = &k
		}
	}
	return s
}

// known is what Known should return for a kind.
func (m *model) known(kind scim.Kind) map[string]*plan.Known {
	all := map[string]*plan.Known{}
	for r, o := range m.objects {
		if r.kind != kind {
			continue
		}
		k := o.known
		k.Members = nil
		for site := range o.claims {
			k.Shared = k.Shared || site != k.Home
		}
		all[r.key] = &k
	}
	return all
}

// sizes is what Sizes should return.
func (m *model) sizes() (s plan.Sizes) {
	for r, o := range m.objects {
		switch {
		case r.kind == scim.Group:
			s.Groups++
			s.Members += len(o.known.Members)
		case o.known.Status == plan.Suspended:
			s.Suspended++
		default:
			s.Users++
		}
	}
	return s
}
