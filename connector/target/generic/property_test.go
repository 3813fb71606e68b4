package generic_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"simscim/connector/plan"
	"simscim/connector/target/targettest"
	"simscim/scim"
)

// Whatever a server takes at once, and whatever becomes of its answers, in the end each
// object is there once, as it should be, and what was to go is gone.
func TestBulkConverges(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t, quirks{
			bulk: rapid.IntRange(2, 12).Draw(r, "operations"), bulkBytes: rapid.SampledFrom([]int{0, 1500, 4000}).Draw(r, "bytes"),
			bulkStops: rapid.IntRange(0, 3).Draw(r, "stops"), bulkObject: rapid.Bool().Draw(r, "object"),
			versions: rapid.Bool().Draw(r, "versions"), checkMembers: true, maxInline: rapid.IntRange(0, 3).Draw(r, "inline"),
		})
		people, keys := users(rapid.IntRange(1, 25).Draw(r, "users"))
		w.settled(people)

		trouble := func() {
			status := rapid.SampledFrom([]int{429, 500, 503, 504}).Draw(r, "status")
			w.Faults.Inject(targettest.Fault{
				Path: rapid.SampledFrom([]string{"/Bulk", "/Bulk", "/Users", "/Groups"}).Draw(r, "path"), Times: rapid.IntRange(1, 2).Draw(r, "times"),
				Deliver: status != 429 && rapid.Bool().Draw(r, "delivered"), // 429 says that nothing was done
				Status:  status, Header: map[string]string{"Retry-After": "0"},
			})
		}
		for range rapid.IntRange(0, 4).Draw(r, "faults") {
			trouble()
		}
		var changes []plan.Change
		want := map[string]any{}
		for i, key := range keys {
			want[key] = nil
			switch rapid.IntRange(0, 2).Draw(r, "what") {
			case 0:
				title := fmt.Sprint("Title ", i)
				changes, want[key] = append(changes, update(w, key, title)), title
			case 1:
				changes = append(changes, plan.Change{Action: plan.DeleteUser, Kind: scim.User, Key: key, RemoteID: w.known[key]})
				delete(want, key)
			}
			if rapid.Bool().Draw(r, "new") {
				changes = append(changes, user("new"+key))
				want["new"+key] = nil
			}
		}
		w.settled(changes)
		trouble()
		stay := slices.DeleteFunc(keys, func(key string) bool { _, ok := want[key]; return !ok })
		w.settled([]plan.Change{group("all", stay...), group("few", stay[:min(len(stay), 2)]...)})

		if n := w.held(); n != len(want)+2 {
			r.Errorf("the server holds %d objects, want %d", n, len(want)+2)
		}
		for key, title := range want {
			if got := w.fake.get(w.known[key]); got == nil || got["externalId"] != key || got["title"] != title {
				r.Errorf("%s is %v, want title %v", key, got, title)
			}
		}
		if members, _ := w.fake.get(w.known["all"])["members"].([]any); len(members) != len(stay) {
			r.Errorf("%d members are in the group, want %d", len(members), len(stay))
		}
	})
}

// settled carries changes out, and again what failed, after looking for what may be there.
func (w *world) settled(changes []plan.Change) {
	w.Helper()
	for range 5 {
		var left []plan.Change
		for key, o := range w.doAll(changes...) {
			i := slices.IndexFunc(changes, func(ch plan.Change) bool { return ch.Key == key })
			switch {
			case o.Err == nil && o.Final:
			case changes[i].RemoteID == "" && len(w.byKey(changes[i].Kind, key)) == 1:
				w.known[key] = w.byKey(changes[i].Kind, key)[0]
			default:
				left = append(left, changes[i])
			}
		}
		if changes = left; len(changes) == 0 {
			return
		}
	}
	w.Fatalf("%d changes are never done", len(changes))
}

func (w *world) byKey(kind scim.Kind, key string) (ids []string) {
	w.Helper()
	found, err := w.Target.Find(w.Context(), kind, "externalId", key, nil)
	if err != nil {
		w.Fatal(err)
	}
	for _, o := range found {
		ids = append(ids, o.RemoteID)
	}
	return ids
}
