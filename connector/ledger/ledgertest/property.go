package ledgertest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/scim"
)

// testModel runs random histories against a ledger and the model, side by side. Each
// history has a target of its own, so that one ledger serves them all.
func testModel(t *testing.T, open func(*testing.T) ledger.Ledger) {
	l := open(t)
	var histories atomic.Int64
	rapid.Check(t, func(rt *rapid.T) {
		h := &history{
			T: rt, ctx: t, l: l, m: newModel(), target: fmt.Sprint("target-", histories.Add(1)),
		}
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			switch rapid.IntRange(0, 5).Draw(rt, "step") {
			case 0:
				h.reserve()
			case 1:
				h.erase()
			default:
				h.update()
			}
			h.compare(site().Draw(rt, "look at"))
		}
		for _, s := range sites {
			h.compare(s)
		}
		h.compareKnown()
		h.compareSizes()
	})
}

var sites = []string{siteA, siteB, "school-c"}

func site() *rapid.Generator[string] { return rapid.SampledFrom(sites) }
func userKey() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{"u1", "u2", "u3", "u4"})
}
func groupKey() *rapid.Generator[string] { return rapid.SampledFrom([]string{"g1", "g2", "u1"}) }
func userName() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{"ann", "Ann", "bo", "CY", "cy", "weiss", "Wei\u00df"})
}

var allFolds = []string{"ann", "bo", "cy", "weiss"}

type history struct {
	*rapid.T
	ctx    *testing.T
	l      ledger.Ledger
	m      *model
	target string
}

func (h *history) compare(site string) {
	got, err := h.l.Load(h.ctx.Context(), h.target, site)
	if err != nil {
		h.Fatalf("load: %v", err)
	}
	if diff := difference(h.m.state(site), got); diff != "" {
		h.Fatalf("%s (-model +ledger)\n%s", site, diff)
	}
	holders, err := h.l.NameHolders(h.ctx.Context(), h.target, allFolds)
	if err != nil {
		h.Fatalf("name holders: %v", err)
	}
	if diff := difference(h.m.holders, holders); diff != "" {
		h.Fatalf("names (-model +ledger)\n%s", diff)
	}
}

func (h *history) compareKnown() {
	for _, kind := range []scim.Kind{scim.User, scim.Group} {
		got, err := h.l.Known(h.ctx.Context(), h.target, kind, []string{"u1", "u2", "u3", "u4", "g1", "g2"})
		if err != nil {
			h.Fatalf("known: %v", err)
		}
		if diff := difference(h.m.known(kind), got); diff != "" {
			h.Fatalf("known %s (-model +ledger)\n%s", kind, diff)
		}
	}
}

func (h *history) compareSizes() {
	got, err := h.l.Sizes(h.ctx.Context(), h.target)
	if err != nil {
		h.Fatalf("sizes: %v", err)
	}
	if diff := difference(h.m.sizes(), got); diff != "" {
		h.Fatalf("sizes (-model +ledger)\n%s", diff)
	}
}

func (h *history) reserve() {
	names := rapid.MapOfN(userKey(), userName(), 0, 4).Draw(h.T, "names")
	lost, err := h.l.ReserveNames(h.ctx.Context(), h.target, names, at(1))
	if err != nil {
		h.Fatalf("reserve %v: %v", slices.Collect(maps.Keys(names)), err)
	}
	slices.Sort(lost)
	if diff := difference(h.m.reserve(names), lost); diff != "" {
		h.Fatalf("lost (-model +ledger)\n%s", diff)
	}
}

func (h *history) erase() {
	r := ref{scim.User, userKey().Draw(h.T, "erased user")}
	if rapid.Bool().Draw(h.T, "erases a group") {
		r = ref{scim.Group, groupKey().Draw(h.T, "erased group")}
	}
	if err := h.l.Erase(h.ctx.Context(), h.target, r.kind, r.key); err != nil {
		h.Fatalf("erase: %v", err)
	}
	h.m.drop(r)
	if r.kind == scim.User {
		maps.DeleteFunc(h.m.holders, func(_, key string) bool { return key == r.key })
	}
}

var errAbandon = errors.New("abandon the transaction")

// update does some random writes in one transaction, which sometimes fails.
func (h *history) update() {
	abandon := rapid.IntRange(0, 4).Draw(h.T, "abandon") == 0
	next, groupless := h.m.clone(), false
	err := h.l.Update(h.ctx.Context(), func(tx ledger.Tx) error {
		for range rapid.IntRange(1, 6).Draw(h.T, "writes") {
			ok, err := h.write(tx, next)
			if err != nil || !ok {
				groupless = !ok
				return err
			}
		}
		if abandon {
			return errAbandon
		}
		return nil
	})
	switch {
	case err == nil && !groupless:
		h.m = next
	case groupless && err != nil, abandon && errors.Is(err, errAbandon):
	default:
		h.Fatalf("update returned %v; a group was not there: %v, abandoned: %v", err, groupless, abandon)
	}
}

// write does one random write to both; ok is false where it has to be refused, at the
// latest at the end of the transaction.
func (h *history) write(tx ledger.Tx, m *model) (ok bool, err error) {
	site, key := site().Draw(h.T, "site"), userKey().Draw(h.T, "user")
	r := ref{scim.User, key}
	group := rapid.Bool().Draw(h.T, "is group")
	if group {
		r = ref{scim.Group, groupKey().Draw(h.T, "group")}
	}
	since := time.Time{}
	missed := rapid.IntRange(0, 2).Draw(h.T, "missed")
	if missed > 0 {
		since = at(missed)
	}
	switch rapid.IntRange(0, 8).Draw(h.T, "write") {
	case 0, 1:
		o := h.object(r, site, missed, since)
		m.put(site, o)
		return true, tx.PutObject(h.target, site, o)
	case 2:
		m.drop(r)
		return true, tx.DropObject(h.target, r.kind, r.key)
	case 3:
		m.unclaim(site, key)
		return true, tx.Unclaim(h.target, site, key)
	case 4:
		if o := m.objects[ref{scim.User, key}]; o != nil {
			c := o.claims[site]
			c.sourceID = "claimed"
			m.claim(o, site, c)
		}
		return true, tx.Claim(h.target, site, key, "claimed")
	case 5:
		m.missing(site, r, missed, since)
		return true, tx.SetMissing(h.target, site, r.kind, r.key, missed, since)
	case 6:
		name := userName().Draw(h.T, "name")
		m.foreign(name)
		return true, tx.NoteForeignName(h.target, name, at(1))
	case 7:
		m.baseline[site] = true
		return true, tx.SetBaseline(h.target, site, at(1))
	default:
		users := rapid.SliceOfN(userKey(), 1, 4).Draw(h.T, "members")
		g := groupKey().Draw(h.T, "members of")
		if rapid.Bool().Draw(h.T, "remove") {
			m.members(g, users, false)
			return true, tx.RemoveMembers(h.target, g, users)
		}
		return m.members(g, users, true), tx.AddMembers(h.target, g, users)
	}
}

func (h *history) object(r ref, site string, missed int, since time.Time) plan.Known {
	o := plan.Known{
		Kind: r.kind, Key: r.key, RemoteID: rapid.SampledFrom([]string{"", "r1", "r2"}).Draw(h.T, "remote id"),
		SourceID: rapid.SampledFrom([]string{"", "s1"}).Draw(h.T, "source id"), Home: site, Status: plan.Active,
		Missed: missed, MissingSince: since,
	}
	for i, path := range []scim.Path{"active", "displayName", "userName"} {
		if rapid.Bool().Draw(h.T, string(path)) {
			o.Prints = append(o.Prints, plan.Print{Path: path, Sum: uint64(i)})
		}
	}
	if r.kind == scim.User {
		o.Home = rapid.SampledFrom(sites).Draw(h.T, "home")
		if rapid.Bool().Draw(h.T, "has a name") {
			o.Name = userName().Draw(h.T, "name")
		}
		if rapid.Bool().Draw(h.T, "suspended") {
			o.Status, o.SuspendedAt = plan.Suspended, at(9)
		}
	}
	return o
}
