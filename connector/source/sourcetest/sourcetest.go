// Package sourcetest is the conformance suite that every source passes. It knows
// nothing of any API: a fixture offers a source over schools that it knows, and breaks
// the far side by the name of a fault where it can.
//
// What the suite holds a source to are the promises that keep a school safe: a read
// is whole or an error, lost access freezes, schools never mix, the same roll gives
// the same snapshot, one bad record does not cost the rest, and nothing of a person
// gets into an error or a log line.
package sourcetest

import (
	"slices"
	"testing"

	"simscim/connector/source"
	"simscim/roster"
)

// Fixture is a source over a far side that the test controls. Each subtest gets its
// own.
type Fixture struct {
	Source source.Source
	// Want asks for everything that the fixture has: all kinds, all fields.
	Want source.Want
	// Size tells how many people, groups and memberships a school has, of the kinds in
	// Want. There are at least two schools, and the first has several pages of people.
	Size map[string]Size
	// Canaries are names and addresses of people at the first school.
	Canaries []string
	// Break makes the far side misbehave in the first school's data from the next call
	// on, and tells false where it does not know how.
	Break func(Fault) bool
	// Mend ends whatever Break began.
	Mend func()
	// Logs returns all that was logged so far.
	Logs func() string
}

// Size counts what a school has.
type Size struct{ People, Groups, Memberships int }

// Fault is a way for the far side to misbehave.
type Fault string

// Faults that leave a read not provably whole: the source must answer *Incomplete.
const (
	NotJSON      Fault = "a page is HTML"
	Malformed    Fault = "a page is broken JSON"
	CutBody      Fault = "a page ends in the middle"
	NoEnvelope   Fault = "a page lacks its envelope"
	WrongItems   Fault = "a page has an object for its list"
	ServerError  Fault = "a page fails with 500"
	Maintenance  Fault = "a page fails with 503"
	ShortPage    Fault = "a page lacks a record"
	MissingPage  Fault = "a page is empty before the end"
	RepeatedPage Fault = "a page comes twice"
	TotalMoves   Fault = "the total moves between pages"
	Endless      Fault = "the list never ends"
	TooLarge     Fault = "a page is larger than allowed"
	SiteBroken   Fault = "the school's record is HTML"
	GroupsBroken Fault = "the groups are broken JSON"
)

// Faults that mean that the school may no longer be read: *Frozen.
const (
	Refused401         Fault = "the school's data answer 401"
	Refused403         Fault = "the school's data answer 403"
	Gone404            Fault = "the school's data answer 404"
	CredentialsRefused Fault = "the school's credentials are refused"
	Withdrawn          Fault = "the school has withdrawn"
)

// Faults that must be an error, and neither of the two above.
const (
	// OtherSite: the school's record is another school's.
	OtherSite Fault = "the record is of another school"
	// OtherList: a list says that it is another school's.
	OtherList Fault = "a list is of another school"
	// SignInFails: the sign-in service is out of order.
	SignInFails Fault = "the sign-in service fails with 500"
)

// Faults that a source gets over without a trace.
const (
	TokenExpires Fault = "the tokens issued so far become invalid"
	Throttled    Fault = "calls are answered with 429 for a while"
	FailsOnce    Fault = "a page fails once with 503"
)

// Faults of single records: they are set aside, the rest goes on.
const (
	DuplicateID Fault = "two people have the same id"
	MissingID   Fault = "a person has no id"
	WrongTypes  Fault = "a person's fields have wrong types"
	Dangling    Fault = "a person is in a group that does not exist"
)

func incomplete() []Fault {
	return []Fault{
		NotJSON, Malformed, CutBody, NoEnvelope, WrongItems, ServerError, Maintenance, ShortPage, MissingPage,
		RepeatedPage, TotalMoves, Endless, TooLarge, SiteBroken, GroupsBroken,
	}
}

func frozen() []Fault { return []Fault{Refused401, Refused403, Gone404, CredentialsRefused, Withdrawn} }

func refused() []Fault { return []Fault{OtherSite, OtherList, SignInFails} }

func survived() []Fault { return []Fault{TokenExpires, Throttled, FailsOnce} }

func setAside() map[Fault]string {
	return map[Fault]string{DuplicateID: "person", MissingID: "person", WrongTypes: "person", Dangling: "membership"}
}

// Run runs the suite. make is called for each subtest. cannot lists the faults that the
// fixture is unable to make; the caller says why.
func Run(t *testing.T, make func(t *testing.T) Fixture, cannot ...Fault) {
	t.Helper()
	run := func(name string, test func(*suite)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, make(t))
			s.cannot = cannot
			test(s)
		})
	}
	under := func(group string, f Fault, test func(*suite)) {
		if !slices.Contains(cannot, f) {
			run(group+"/"+string(f), test)
		}
	}
	run("sites", sites)
	run("whole", whole)
	run("same roll, same snapshot", same)
	run("kinds", kinds)
	run("fields", fieldsWanted)
	run("no kinds", noKinds)
	run("unknown school", unknown)
	run("schools side by side", sideBySide)
	run("cancelled", cancelled)
	run("check", check)
	for _, f := range incomplete() {
		under("incomplete", f, func(s *suite) { s.fails(f, source.IsIncomplete, "an *Incomplete") })
	}
	for _, f := range frozen() {
		under("frozen", f, func(s *suite) { s.fails(f, source.IsFrozen, "a *Frozen") })
	}
	for _, f := range refused() {
		neither := func(err error) bool { return !source.IsFrozen(err) && !source.IsIncomplete(err) }
		under("refused", f, func(s *suite) { s.fails(f, neither, "neither frozen nor incomplete") })
	}
	for _, f := range survived() {
		under("survived", f, func(s *suite) { s.survives(f) })
	}
	for f, entity := range setAside() {
		under("set aside", f, func(s *suite) { s.setsAside(f, entity) })
	}
}

// suite is one subtest's state.
type suite struct {
	*testing.T
	Fixture
	sites  []roster.Site
	cannot []Fault
}
