// Package ledgertest is the suite that every ledger passes. It looks at nothing but
// the contract in package ledger, and compares random histories with a plain model.
package ledgertest

import (
	"cmp"
	"reflect"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/scim"
)

// Run runs the suite. open returns an empty ledger, and closes it when its test ends.
func Run(t *testing.T, open func(t *testing.T) ledger.Ledger) {
	for name, part := range map[string]func(*testing.T, func(*testing.T) ledger.Ledger){
		"objects":    testObjects,
		"claims":     testClaims,
		"rekey":      testRekey,
		"noted runs": testNotedRuns,
		"members":    testMembers,
		"names":      testNames,
		"update":     testUpdate,
		"runs":       testRuns,
		"steps":      testSteps,
		"applied":    testApplied,
		"escrow":     testEscrow,
		"accepted":   testAccepted,
		"budgets":    testBudgets,
		"intents":    testIntents,
		"health":     testHealth,
		"notices":    testNotices,
		"search":     testSearch,
		"erase":      testErase,
		"sizes":      testSizes,
		"sites":      testSites,
		"holds":      testHolds,
		"texts":      testTexts,
		"large":      testLarge,
		"end":        testEnd,
		"model":      testModel,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			part(t, open)
		})
	}
}

// The names that most tests use.
const (
	target = "directory"
	siteA  = "school-a"
	siteB  = "school-b"
)

// bundle is a ledger with what tests do to it again and again.
type bundle struct {
	*testing.T
	ledger.Ledger
}

// cases runs each test on a ledger of its own.
func cases(t *testing.T, open func(*testing.T) ledger.Ledger, tests map[string]func(bundle)) {
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(bundle{T: t, Ledger: open(t)})
		})
	}
}

// update runs fn in a transaction that must succeed.
func (b bundle) update(fn func(ledger.Tx) error) {
	b.Helper()
	if err := b.Update(b.Context(), fn); err != nil {
		b.Fatalf("update: %v", err)
	}
}

// refused runs fn in a transaction that must fail.
func (b bundle) refused(fn func(ledger.Tx) error) {
	b.Helper()
	if err := b.Update(b.Context(), fn); err == nil {
		b.Error("the update was accepted")
	}
}

func (b bundle) put(site string, objects ...plan.Known) {
	b.Helper()
	b.update(func(tx ledger.Tx) error {
		for _, o := range objects {
			if err := tx.PutObject(target, site, o); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b bundle) load(site string) *plan.State {
	b.Helper()
	s, err := b.Load(b.Context(), target, site)
	if err != nil {
		b.Fatalf("load: %v", err)
	}
	return s
}

// wantState compares what is loaded for a site.
func (b bundle) wantState(site string, want plan.State) {
	b.Helper()
	b.same(&want, b.load(site))
}

// wantUsers compares the users of a site alone.
func (b bundle) wantUsers(site string, want ...plan.Known) {
	b.Helper()
	users := map[string]*plan.Known{}
	for _, o := range want {
		users[o.Key] = &o
	}
	b.same(users, b.load(site).Users)
}

// wantMembers compares the members of one group.
func (b bundle) wantMembers(site, group string, want ...string) {
	b.Helper()
	g := b.load(site).Groups[group]
	if g == nil {
		b.Fatal("the group is not there")
	}
	b.same(set(want...), g.Members)
}

func (b bundle) wantHolders(want map[string]string, folds ...string) {
	b.Helper()
	got, err := b.NameHolders(b.Context(), target, folds)
	if err != nil {
		b.Fatalf("name holders: %v", err)
	}
	b.same(want, got)
}

func (b bundle) same(want, got any) {
	b.Helper()
	if diff := difference(want, got); diff != "" {
		b.Errorf("(-want +got)\n%s", diff)
	}
}

// must stops the test at an error.
func (b bundle) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func difference(want, got any) string {
	if reflect.DeepEqual(want, got) { // much quicker for a whole school
		return ""
	}
	return gocmp.Diff(want, got, cmpopts.EquateEmpty())
}

func set(keys ...string) map[string]struct{} {
	s := map[string]struct{}{}
	for _, k := range keys {
		s[k] = struct{}{}
	}
	return s
}

// at is the n-th minute of the tests' day.
func at(n int) time.Time { return time.Date(2026, 9, 1, 2, n, 0, 0, time.UTC) }

// user and group make objects as a ledger returns them for siteA.
func user(key string, with ...func(*plan.Known)) plan.Known {
	return object(scim.User, key, with)
}

func group(key string, with ...func(*plan.Known)) plan.Known {
	return object(scim.Group, key, with)
}

func object(kind scim.Kind, key string, with []func(*plan.Known)) plan.Known {
	o := plan.Known{Kind: kind, Key: key, RemoteID: "r-" + key, SourceID: "s-" + key, Status: plan.Active}
	for _, f := range with {
		f(&o)
	}
	o.Home = cmp.Or(o.Home, siteA)
	return o
}

func named(name string) func(*plan.Known) { return func(o *plan.Known) { o.Name = name } }
func homed(site string) func(*plan.Known) { return func(o *plan.Known) { o.Home = site } }
func sourced(id string) func(*plan.Known) { return func(o *plan.Known) { o.SourceID = id } }
func shared(o *plan.Known)                { o.Shared = true }
func holding(keys ...string) func(*plan.Known) {
	return func(o *plan.Known) { o.Members = set(keys...) }
}
