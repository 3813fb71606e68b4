package world

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
)

// one finds a current record of a school for which want holds.
func one(t *testing.T, w *World, site int, kind Kind, want func(*Person) bool) *Person {
	t.Helper()
	for _, p := range w.Rolls()[site].People(kind) {
		if p.State(w.Today()) == Current && p.End == 0 && want(p) {
			return p
		}
	}
	t.Fatal("there is no such person")
	return nil
}

func now(t *testing.T, w *World, id uuid.UUID) *Person {
	t.Helper()
	for _, r := range w.Rolls() {
		if p, ok := r.Person(id); ok {
			return p
		}
	}
	t.Fatalf("person %s is gone", id)
	return nil
}

func anyone(*Person) bool { return true }

func TestJoinLeaveReturn(t *testing.T) {
	t.Parallel()
	w := make1(t, "mat-small", 2)
	before := total(w)
	rep, err := w.Join(w.Sites()[4].ID, Student, 9)
	if err != nil {
		t.Fatal(err)
	}
	p := now(t, w, rep.People[0])
	if p.Year != 9 || p.Start != w.Today() || p.Registration == nil || len(p.Classes) != 12 || len(rep.Lines) != 1 || rep.Counts[Joined] != 1 {
		t.Errorf("the new pupil is in %d classes; the report is %+v", len(p.Classes), rep)
	}
	w.Advance(24 * time.Hour)
	if _, err := w.Leave(p.ID); err != nil {
		t.Fatal(err)
	}
	left := now(t, w, p.ID)
	if left.State(w.Today()) != Leaver || left.memberships() != 0 || p.memberships() == 0 {
		t.Error("the leaver is not listed as one, or an old record changed")
	}
	if _, err := w.Leave(p.ID); err == nil {
		t.Error("left twice")
	}
	if _, err := w.Return(p.ID); err != nil {
		t.Fatal(err)
	}
	if back := now(t, w, p.ID); back.State(w.Today()) != Current || back.memberships() < 10 {
		t.Error("the pupil is not back")
	}
	if after := total(w); after.Students != before.Students+1 {
		t.Errorf("%d pupils, there were %d", after.Students, before.Students)
	}
	if err := check(w); err != nil {
		t.Error(err)
	}
}

func TestATeachersClassesGoToAColleague(t *testing.T) {
	t.Parallel()
	w := make1(t, "secondary", 2)
	p := one(t, w, 0, Staff, func(p *Person) bool { return len(p.Classes) > 3 })
	if _, err := w.Leave(p.ID); err != nil {
		t.Fatal(err)
	}
	for _, m := range p.Classes {
		taught := false
		for _, teacher := range w.Rolls()[0].Members(m.Group) {
			taught = taught || teacher
		}
		if !taught {
			t.Errorf("nobody teaches %s", m.Group.Short)
		}
	}
}

func TestMoveClass(t *testing.T) {
	t.Parallel()
	w := make1(t, "mat-small", 2)
	for site, want := range map[int]func(*Person) bool{
		4: func(p *Person) bool { return p.Year == 8 },
		0: anyone,
	} {
		var rep Report
		var p *Person
		for _, p = range w.Rolls()[site].People(Student) {
			if p.State(w.Today()) == Current && want(p) {
				var err error
				if rep, err = w.MoveClass(p.ID); err == nil {
					break
				}
			}
		}
		q := now(t, w, p.ID)
		same := q.Registration == p.Registration && slices.Equal(q.Classes, p.Classes)
		if same || len(q.Classes) != len(p.Classes) || rep.Counts[ClassMoved] != 1 {
			t.Errorf("school %d: nothing moved: %+v", site, rep)
		}
	}
}

func TestMarryChangesAllRecords(t *testing.T) {
	t.Parallel()
	w := make1(t, "mat-small", 2)
	var p *Person
	for site := range w.Rolls() {
		for _, q := range w.Rolls()[site].People(Staff) {
			if q.Master != uuid.Nil {
				p = q
			}
		}
	}
	rep, err := w.Marry(p.ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(rep.People) != 2 || len(rep.Lines) != 1 {
		t.Fatalf("the report is %+v", rep)
	}
	a, b := now(t, w, rep.People[0]), now(t, w, rep.People[1])
	if a.Family == p.Family || a.Family != b.Family || a.Email == "" != (now(t, w, a.ID).Email == "") {
		t.Errorf("%s is now called %s and %s", p.ID, a.Family, b.Family)
	}
}

func TestDualRegister(t *testing.T) {
	t.Parallel()
	w := make1(t, "mat-small", 2)
	p := one(t, w, 0, Student, func(p *Person) bool { return p.Master == uuid.Nil && p.Registration != nil })
	other := w.Sites()[1].ID
	rep, err := w.DualRegister(p.ID, other)
	if err != nil {
		t.Fatal(err)
	}
	first, second := now(t, w, p.ID), now(t, w, rep.People[0])
	// Whoever knew the pupil by id knows the human still.
	if first.Master != p.ID || second.Master != p.ID || second.ID == p.ID || second.Name() != p.Name() || second.Registration == nil {
		t.Errorf("the records are %+v and %+v", first, second)
	}
	for name, c := range map[string][2]uuid.UUID{
		"twice":            {p.ID, other},
		"at the own":       {p.ID, w.Sites()[0].ID},
		"without the year": {p.ID, w.Sites()[4].ID},
		"unknown school":   {p.ID, uuid.Nil},
		"unknown pupil":    {uuid.Nil, other},
	} {
		if _, err := w.DualRegister(c[0], c[1]); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := w.DualRegister(uuid.Nil, other); !errors.Is(err, ErrUnknown) {
		t.Errorf("got %v", err)
	}
	// Leaving one school leaves the other record as it is.
	if _, err := w.Leave(p.ID); err != nil {
		t.Fatal(err)
	}
	if q := now(t, w, second.ID); q.State(w.Today()) != Current || q.Master != p.ID {
		t.Error("the second record changed")
	}
}

func TestConsent(t *testing.T) {
	t.Parallel()
	w := make1(t, "tiny", 2)
	id := w.Sites()[0].ID
	if _, err := w.Withdraw(id); err != nil || w.Sites()[0].Authorised != Withdrawn {
		t.Error("not withdrawn")
	}
	if _, err := w.Consent(id); err != nil || w.Sites()[0].Authorised != Authorised {
		t.Error("not given")
	}
	if _, err := w.Withdraw(uuid.Nil); !errors.Is(err, ErrUnknown) {
		t.Errorf("got %v", err)
	}
}

func TestSeptember(t *testing.T) {
	t.Parallel()
	w := make1(t, "mat-small", 2)
	old := w.Rolls()
	rep := w.September()
	if want := time.Date(2027, 9, 1, 7, 0, 0, 0, time.UTC); !w.Now().Equal(want) {
		t.Fatalf("it is %s", w.Now())
	}
	groups := func(r *Roll, kind GroupKind) map[uuid.UUID]string {
		out := map[uuid.UUID]string{}
		for _, g := range r.Groups() {
			if g.Kind == kind {
				out[g.ID] = g.Name
			}
		}
		return out
	}
	for i, r := range w.Rolls() {
		was, is := groups(old[i], Class), groups(r, Class)
		for id := range is {
			if was[id] != "" {
				t.Errorf("class %s kept its GUID", is[id])
			}
		}
		for _, kind := range []GroupKind{YearGroup, House} {
			for id, name := range groups(old[i], kind) {
				if groups(r, kind)[id] != name {
					t.Errorf("%s %s did not stay", kind, name)
				}
			}
		}
	}
	was, is := groups(old[4], Registration), groups(w.Rolls()[4], Registration)
	renamed := 0
	for id, name := range was {
		if rest, ok := strings.CutPrefix(name, "7"); ok && is[id] == "8"+rest {
			renamed++
		}
		if strings.HasPrefix(name, "11") && is[id] != "" {
			t.Errorf("%s is still there", name)
		}
	}
	if renamed < 7 {
		t.Errorf("%d tutor groups of Year 7 moved up", renamed)
	}
	pupils := 0
	for _, p := range old[4].People(Student) {
		q, ok := w.Rolls()[4].Person(p.ID)
		if p.State(DateOf(rep.From)) != Current || !ok || q.State(w.Today()) != Current {
			continue
		}
		if pupils++; q.Year != p.Year+1 {
			t.Errorf("%s went from Year %d to Year %d", p.ID, p.Year, q.Year)
		}
	}
	if pupils < 700 {
		t.Errorf("only %d went up", pupils)
	}
	if rep.Counts[MovedSchool] < 50 || rep.Counts[Left] < 250 || rep.Counts[Joined] < 200 || rep.Counts[ClassesMade] < 500 {
		t.Errorf("the report is %v", rep.Counts)
	}
	onward := 0
	for _, p := range w.Rolls()[4].People(Student) {
		if p.Year == 7 && p.Master != uuid.Nil && now(t, w, p.Master).State(w.Today()) == Leaver {
			onward++
		}
	}
	if onward < 50 {
		t.Errorf("%d pupils went on to the trust's own school", onward)
	}
	if n := total(w); n.Students < 2000 || n.Students > 2350 || n.Staff < 230 || n.Staff > 280 {
		t.Errorf("the trust is now %+v", n)
	}
	// Leavers drop out of the lists in time.
	w.Advance(61 * 24 * time.Hour)
	if n := total(w); n.Leavers != 0 {
		t.Errorf("%d leavers are still listed", n.Leavers)
	}
}

func TestDayIsOrdinary(t *testing.T) {
	t.Parallel()
	w := make1(t, "mat-small", 2)
	counts := map[Event]int{}
	for range 60 {
		rep := w.Day()
		if rep.To.Sub(rep.From) != 24*time.Hour || len(rep.Lines) > 40 {
			t.Fatalf("the report is %+v", rep)
		}
		for e, n := range rep.Counts {
			counts[e] += n
		}
	}
	// 60 days of 0.1 % of 2,400 people and 0.5 % of 20,000 memberships.
	for e, want := range map[Event][2]int{
		Joined: {40, 110}, Left: {40, 110}, ClassMoved: {4500, 6500}, Returned: {3, 40}, Renamed: {2, 20}, DualReg: {1, 20}, Started: {10, 30},
	} {
		if counts[e] < want[0] || counts[e] > want[1] {
			t.Errorf("%d %s in 60 days, want %d to %d", counts[e], e, want[0], want[1])
		}
	}
	if err := check(w); err != nil {
		t.Error(err)
	}
}

func TestAdvanceCrossesSeptember(t *testing.T) {
	t.Parallel()
	w, err := New(Options{Preset: "primary", Seed: 1, Start: time.Date(2027, 8, 31, 23, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	if rep := w.Advance(30 * time.Minute); rep.Counts[MovedUp] != 0 {
		t.Error("the roll-over came early")
	}
	if rep := w.Advance(time.Hour); rep.Counts[MovedUp] == 0 || w.Rolls()[0].Year != 2027 {
		t.Error("the roll-over did not come")
	}
	at := w.Now()
	if w.Advance(-time.Hour); !w.Now().Equal(at) {
		t.Error("the clock went back")
	}
	if rep := w.Advance(3 * 365 * 24 * time.Hour); rep.Counts[MovedUp] < 400 || w.Rolls()[0].Year != 2029 {
		t.Errorf("after three years: %v, %d", rep.Counts, w.Rolls()[0].Year)
	}
	if err := check(w); err != nil {
		t.Error(err)
	}
}

// Readers go on while the world moves; the race detector looks on.
func TestReadersAndWriters(t *testing.T) {
	t.Parallel()
	w := make1(t, "primary", 1)
	site := w.Sites()[0].ID
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 30 {
				r, _ := w.Roll(site)
				n := r.Counts(w.Today()).Memberships
				for _, g := range w.Groups(site) {
					_ = w.Members(site, g.Kind, g.ID)
				}
				if r.Counts(w.Today()).Memberships != n {
					t.Error("a roll changed under its reader")
				}
				_ = w.Digest()
			}
		})
	}
	for i := range 20 {
		w.Day()
		if i == 10 {
			w.September()
		}
	}
	wg.Wait()
}
