package oneroster

import (
	"slices"
	"sync"
	"testing"
	"time"

	"simscim/sandbox/world"
)

// since are the ids of what changed since the world's moment given.
func (b *bench) since(path, key string, from time.Time) map[string]map[string]any {
	b.t.Helper()
	out := map[string]map[string]any{}
	for _, row := range b.walk(b.token, V11, "/"+path+"?limit=1000&"+filtered("dateLastModified>='"+from.UTC().Format(stamp)+"'"), key) {
		out[text(row, "sourcedId")] = row
	}
	return out
}

// A delta holds what changed, tombstones too, and nothing else.
func TestDeltas(t *testing.T) {
	t.Parallel()
	b := setup(t, "secondary")
	roll := b.w.Rolls()[0]
	b.w.Advance(time.Hour)
	from := b.w.Now()
	b.w.Advance(time.Minute)
	for _, path := range []string{"users", "classes", "enrollments", "orgs", "courses"} {
		if got := b.since(path, path, from); len(got) != 0 {
			t.Fatalf("%s: %d have changed, though nothing has happened", path, len(got))
		}
	}
	var pupils, staff []*world.Person
	for _, p := range roll.People(world.Student) {
		if p.State(b.w.Today()) == world.Current && len(p.Classes) > 0 && p.Year == 8 {
			pupils = append(pupils, p)
		}
	}
	for _, p := range roll.People(world.Staff) {
		if p.State(b.w.Today()) == world.Current && !p.Teaching {
			staff = append(staff, p)
		}
	}
	moved, left := pupils[0], pupils[1]
	for _, err := range []error{
		second(b.w.MoveClass(moved.ID)), second(b.w.Leave(left.ID)), second(b.w.Marry(staff[0].ID)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	joined, err := b.w.Join(roll.Site.ID, world.Student, 8)
	if err != nil {
		t.Fatal(err)
	}
	users := b.since("users", "users", from)
	for id, status := range map[string]string{left.ID.String(): "tobedeleted", staff[0].ID.String(): "active", joined.People[0].String(): "active"} {
		if got := text(users[id], "status"); got != status {
			t.Errorf("a user is %q, want %q", got, status)
		}
	}
	if users[moved.ID.String()] != nil {
		t.Error("a move of class is a change of the user")
	}
	var contacts int
	for _, u := range users {
		if text(u, "role") == "guardian" {
			contacts++
		}
	}
	if len(users) != 3+contacts {
		t.Errorf("%d users have changed", len(users))
	}
	came, went := map[string]int{}, map[string]int{}
	for _, e := range b.since("enrollments", "enrollments", from) {
		into := came
		if text(e, "status") == "tobedeleted" {
			into = went
		}
		into[text(e, "user", "sourcedId")]++
	}
	if len(came) != 2 || came[moved.ID.String()] != 1 || came[joined.People[0].String()] < 10 {
		t.Errorf("enrolments came to %d people", len(came))
	}
	if len(went) != 2 || went[moved.ID.String()] != 1 || went[left.ID.String()] != len(left.Classes)+1 {
		t.Errorf("enrolments went from %d people", len(went))
	}
	if _, err := b.w.Return(left.ID); err != nil {
		t.Fatal(err)
	}
	if u := b.since("users", "users", from)[left.ID.String()]; text(u, "status") != "active" {
		t.Error("who came back is not active")
	}
	b.unique()
}

// A change is dated by the clock that is ahead, so that clients who live by either find
// it after their last read.
func TestDatesOfChanges(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{-48 * time.Hour, 48 * time.Hour} {
		b := setup(t, "tiny")
		b.clock.Advance(b.w.Now().Add(ahead).Sub(b.clock.Now()))
		b.get(V11, "/orgs")
		id := b.w.Rolls()[0].People(world.Staff)[0].ID
		if _, err := b.w.Marry(id); err != nil {
			t.Fatal(err)
		}
		token, err := b.s.seal(grant{Scopes: Scopes(V11), Expires: b.clock.Now().Unix() + 60})
		if err != nil {
			t.Fatal(err)
		}
		want := b.w.Now()
		if ahead > 0 {
			want = b.clock.Now()
		}
		user := b.as(token, V11, "/users/"+id.String()).json(t)["user"]
		if got := text(user, "dateLastModified"); got != want.UTC().Format(stamp) {
			t.Errorf("with the service's clock %s ahead: %s, want %s", ahead, got, want)
		}
	}
}

// unique checks that no two records of a list share an id.
func (b *bench) unique() {
	b.t.Helper()
	for _, path := range []string{"users", "classes", "enrollments", "courses", "academicSessions"} {
		var ids []string
		for _, row := range b.walk(b.token, V11, "/"+path+"?limit=10000&fields=sourcedId", path) {
			ids = append(ids, text(row, "sourcedId"))
		}
		slices.Sort(ids)
		if n := len(ids); len(slices.Compact(ids)) != n {
			b.t.Errorf("%s: ids appear twice", path)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// After the summer all classes are new, and the old ones are told to be gone.
func TestSeptember(t *testing.T) {
	t.Parallel()
	b := setup(t, "primary")
	var old []string
	for _, row := range b.walk(b.token, V12, "/classes?limit=1000&"+filtered("classType='scheduled'"), "classes") {
		old = append(old, text(row, "sourcedId"))
	}
	b.w.September()
	states := map[string]string{}
	for _, row := range b.walk(b.token, V12, "/classes?limit=5000", "classes") {
		states[text(row, "sourcedId")] = text(row, "status")
	}
	for _, id := range old {
		if states[id] != "tobedeleted" {
			t.Fatalf("a class of last year is %q", states[id])
		}
	}
	if rows := b.get(V12, "/academicSessions?"+filtered("type='schoolYear'")).rows(t, "academicSessions"); len(rows) != 1 || text(rows[0], "schoolYear") != "2028" {
		t.Errorf("the school years are %v", rows)
	}
	b.unique()
	b.w.Advance(61 * 24 * time.Hour)
	if rows := b.get(V12, "/classes?"+filtered("status='tobedeleted'")).rows(t, "classes"); len(rows) != 0 {
		t.Errorf("%d classes are still told to be gone", len(rows))
	}
	for range 5 {
		b.w.Day()
		b.get(V12, "/orgs")
	}
	b.unique()
}

// Future starters show in the ways that each version has.
func TestFutureStarters(t *testing.T) {
	t.Parallel()
	b := over(t, still())
	today := b.w.Today()
	for _, r := range b.w.Rolls() {
		for _, p := range r.People(world.Student) {
			if p.State(today) != world.Future {
				continue
			}
			rows := b.get(V11, "/enrollments?"+filtered("user.sourcedId='"+p.ID.String()+"'")).rows(t, "enrollments")
			if len(rows) != 1 || text(rows[0], "beginDate") != p.Start.String() {
				t.Errorf("a pupil who starts on %s has %v", p.Start, rows)
			}
			u := b.get(V12, "/users/"+p.ID.String()).json(t)["user"]
			if text(u, "roles", 0, "beginDate") != p.Start.String() || text(u, "enabledUser") != "true" {
				t.Errorf("a pupil who starts on %s is %v", p.Start, u)
			}
		}
		for _, p := range r.People(world.Staff) {
			if p.State(today) != world.Future {
				continue
			}
			if u := b.get(V11, "/users/"+p.ID.String()).json(t)["user"]; text(u, "enabledUser") != "false" {
				t.Error("a member of staff who is still to come is enabled in 1.1")
			}
			if u := b.get(V12, "/users/"+p.ID.String()).json(t)["user"]; text(u, "enabledUser") != "true" || text(u, "roles", 0, "beginDate") != p.Start.String() {
				t.Error("a member of staff who is still to come is not told by the role in 1.2")
			}
		}
	}
}

// Readers, switches and the world may go on at once.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	b := setup(t, "tiny")
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 8 {
				v := []Version{V11, V12}[(i+n)%2]
				if a := b.get(v, "/"+[]string{"users", "enrollments", "classes"}[n%3]+"?limit=30&sort=sourcedId"); a.status != 200 {
					t.Errorf("a reader got %d", a.status)
				}
			}
		})
	}
	wg.Go(func() {
		for range 5 {
			b.w.Day()
			if err := b.s.Deviate("booleans", "merged-users", "last-years-classes"); err != nil {
				t.Error(err)
			}
			if err := b.s.Deviate(); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	b.unique()
}
