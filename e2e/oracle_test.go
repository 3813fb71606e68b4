package e2e_test

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"simscim/sandbox/world"
)

// The grace of the sandbox's configuration, which leaves it at the defaults.
const (
	graceReads = 2
	graceTime  = 24 * time.Hour
)

// oracle knows what should be at the target. It is told of each sync, looks at the world
// as it is then, and keeps what a school would keep in mind: who has an account, since
// when somebody is missing, and what everybody is called.
type oracle struct {
	// filled says that the rules fill in what a target does not do without.
	filled bool
	w      *world.World
	// deleteAfter is how long accounts stay suspended; 0 is for ever.
	deleteAfter time.Duration
	accounts    map[string]*wanted
	groups      map[string]*wantedGroup
	// names are all user names ever seen, by key: they never change hands.
	names map[string]string
	// last is what was read back the last time.
	last map[string]account
}

// wanted is an account that should be there.
type wanted struct {
	// claims are the schools that need it, and since when the person is missing there.
	claims      map[uuid.UUID]*absence
	suspended   bool
	suspendedAt time.Time
}

type absence struct {
	reads int
	since time.Time
}

type wantedGroup struct {
	name    string
	members map[string]bool
	gone    absence
}

func newOracle(w *world.World) *oracle {
	return &oracle{
		w: w, deleteAfter: 90 * 24 * time.Hour, accounts: map[string]*wanted{}, groups: map[string]*wantedGroup{},
		names: map[string]string{}, last: map[string]account{},
	}
}

// over counts one more read without the object and tells whether the grace is over.
func (a *absence) over(now time.Time) bool {
	if a.reads++; a.reads == 1 {
		a.since = now
	}
	return a.reads >= graceReads && now.Sub(a.since) >= graceTime
}

// synced tells the oracle that a whole sync has been made.
func (o *oracle) synced() {
	for _, roll := range o.w.Rolls() {
		if roll.Site.Authorised == world.Authorised {
			o.school(roll)
		}
	}
}

// school takes one school as it is now.
func (o *oracle) school(roll *world.Roll) {
	now, site := o.w.Now(), roll.Site.ID
	here := presentAt(roll, world.DateOf(now))
	for key := range here {
		a := o.accounts[key]
		if a == nil {
			a = &wanted{claims: map[uuid.UUID]*absence{}}
			o.accounts[key] = a
		}
		a.claims[site], a.suspended = &absence{}, false
	}
	for key, a := range o.accounts {
		claim := a.claims[site]
		switch {
		case here[key] != nil || claim == nil:
		case a.suspended:
			if o.deleteAfter > 0 && now.Sub(a.suspendedAt) >= o.deleteAfter {
				delete(o.accounts, key)
			}
		case !claim.over(now):
		case len(a.claims) > 1:
			delete(a.claims, site)
		default:
			a.suspended, a.suspendedAt = true, now
		}
	}
	o.groupsOf(roll, here)
}

// groupsOf takes the groups of one school.
func (o *oracle) groupsOf(roll *world.Roll, here map[string]*world.Person) {
	now, today := o.w.Now(), world.DateOf(o.w.Now())
	prefix := roll.Site.ID.String() + ":"
	wants := map[string]*wantedGroup{}
	for _, g := range roll.Groups() {
		kind := map[world.GroupKind]string{
			world.YearGroup: "year", world.Registration: "registration", world.House: "house", world.Class: "class",
		}[g.Kind]
		want := &wantedGroup{name: roll.Site.Name + " " + g.Name, members: map[string]bool{}}
		if g.Kind == world.House {
			want.name += " House"
		}
		for p := range roll.Members(g) {
			if p.State(today) == world.Current {
				want.members[p.Human().String()] = true
			}
		}
		wants[prefix+kind+":"+g.ID.String()] = want
	}
	students := &wantedGroup{name: roll.Site.Name + " Students", members: map[string]bool{}}
	staff := &wantedGroup{name: roll.Site.Name + " Staff", members: map[string]bool{}}
	wants[prefix+"derived:all-students"], wants[prefix+"derived:all-staff"] = students, staff
	for key, p := range here {
		if p.Kind == world.Student {
			students.members[key] = true
		} else {
			staff.members[key] = true
		}
	}
	for key, old := range o.groups {
		switch want := wants[key]; {
		case !strings.HasPrefix(key, prefix):
		case want != nil:
			for member := range old.members { // who is missing stays until the grace is over
				a := o.accounts[member]
				if here[member] == nil && a != nil && !a.suspended && a.claims[roll.Site.ID] != nil {
					want.members[member] = true
				}
			}
		case old.gone.over(now):
			delete(o.groups, key)
		default:
			for member := range old.members { // accounts that go leave the group too
				if a := o.accounts[member]; a == nil {
					delete(old.members, member)
				}
			}
		}
	}
	maps.Copy(o.groups, wants)
}

// presentAt are the people who should have an account because of this school, by the
// identity of the human.
func presentAt(roll *world.Roll, today world.Date) map[string]*world.Person {
	here := map[string]*world.Person{}
	for _, kind := range []world.Kind{world.Student, world.Staff} {
		for _, p := range roll.People(kind) {
			if p.State(today) == world.Current {
				here[p.Human().String()] = p
			}
		}
	}
	return here
}

// compare says in sentences what is not as it should be.
func (o *oracle) compare(users []account, groups []band) []string {
	var problems []string
	complain := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	keyOf, byKey, holders := map[string]string{}, map[string]account{}, map[string]string{}
	for _, u := range users {
		if _, twice := byKey[u.ExternalID]; twice {
			complain("user %s is there twice", u.ExternalID)
		}
		if o.accounts[u.ExternalID] == nil {
			complain("user %s is there and should not be", u.ExternalID)
		}
		fold := strings.ToLower(u.UserName)
		if other := holders[fold]; other != "" {
			complain("user name %s belongs to %s and %s", u.UserName, other, u.ExternalID)
		}
		keyOf[u.ID], byKey[u.ExternalID], holders[fold] = u.ExternalID, u, u.ExternalID
	}
	records := o.records()
	for _, key := range slices.Sorted(maps.Keys(o.accounts)) {
		u, there := byKey[key]
		if !there {
			complain("user %s is missing", key)
			continue
		}
		problems = append(problems, o.user(key, u, records[key])...)
	}
	problems = append(problems, o.compareGroups(groups, keyOf)...)
	o.last = byKey
	return problems
}

// place is a person's record and the school that it is of.
type place struct {
	*world.Person
	school string
}

// records are the current records of everybody, by the identity of the human. Those of
// schools that withdrew are not known to anybody.
func (o *oracle) records() map[string][]place {
	all := map[string][]place{}
	for _, roll := range o.w.Rolls() {
		if roll.Site.Authorised != world.Authorised {
			continue
		}
		for key, p := range presentAt(roll, o.w.Today()) {
			all[key] = append(all[key], place{p, roll.Site.Name})
		}
	}
	return all
}

// user compares one account. The school that made it decides about its attributes for
// as long as it has the person; somebody missing keeps what they had.
func (o *oracle) user(key string, got account, records []place) []string {
	want, last := o.accounts[key], o.last[key]
	var problems []string
	complain := func(what string, got, want any) {
		problems = append(problems, fmt.Sprintf("user %s: %s is %v, not %v", key, what, got, want))
	}
	if active := got.Active != nil && *got.Active; active == want.suspended {
		complain("active", active, !want.suspended)
	}
	if name := o.names[key]; name == "" {
		o.names[key] = got.UserName
		if form := nameForm(records); form != nil && !form.MatchString(got.UserName) {
			complain("user name", got.UserName, form)
		}
		for other, taken := range o.names {
			if other != key && strings.EqualFold(taken, got.UserName) {
				complain("user name", got.UserName, "one that was never issued to "+other)
			}
		}
	} else if name != got.UserName {
		complain("user name", got.UserName, name)
	}
	home := slices.IndexFunc(records, func(p place) bool { return p.school == got.Enterprise.Organization })
	switch {
	case home >= 0 && !want.suspended:
		problems = append(problems, o.differences(key, got, records[home])...)
		lost := last.ID != "" && last.Enterprise.Organization != got.Enterprise.Organization
		if lost && slices.ContainsFunc(records, func(p place) bool { return p.school == last.Enterprise.Organization }) {
			complain("school", got.Enterprise.Organization, "that of before, which still has the person")
		}
	case last.ID == "":
		complain("school", got.Enterprise.Organization, "one of the person's schools")
	default:
		got.Active, last.Active = nil, nil
		if fmt.Sprint(got) != fmt.Sprint(last) {
			complain("the account of somebody who is missing", fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", last))
		}
	}
	return problems
}

// filler is what stands where a record has no value, if rules fill such places.
func (o *oracle) filler(value string) string {
	if !o.filled {
		return ""
	}
	return value
}

// differences compares an account with the record that it is made from.
func (o *oracle) differences(key string, got account, p place) []string {
	department := "Staff"
	switch {
	case p.Kind == world.Student && p.Year == 0:
		department = "Reception"
	case p.Kind == world.Student:
		department = fmt.Sprintf("Year %d", p.Year)
	}
	given, family := cmp.Or(p.PreferredGiven, p.Given, o.filler("-")), cmp.Or(p.PreferredFamily, p.Family, o.filler("-"))
	email := ""
	if len(got.Emails) == 1 && got.Emails[0].Type == "work" {
		email = got.Emails[0].Value
	} else if len(got.Emails) > 1 {
		email = fmt.Sprint(got.Emails)
	}
	var problems []string
	for _, f := range []struct{ what, got, want string }{
		{"given name", got.Name.Given, given},
		{"family name", got.Name.Family, family},
		{"formatted name", got.Name.Formatted, strings.TrimSpace(p.Given + " " + p.Family)},
		{"display name", got.DisplayName, strings.Trim(given+" "+family, " -")},
		{"e-mail", email, cmp.Or(p.Email, o.filler(got.UserName))},
		{"type", got.UserType, p.Kind.String()},
		{"department", got.Enterprise.Department, department},
	} {
		if f.got != f.want {
			problems = append(problems, fmt.Sprintf("user %s: %s is %q, not %q", key, f.what, f.got, f.want))
		}
	}
	return problems
}

var plainName = regexp.MustCompile(`^[A-Za-z]+$`)

// nameForm is how the user name of a new account looks, for people whose names are of
// plain letters: year of entry, initial or given name, family name, and a number where
// others came first. Nil is for names that this simple rule does not reach.
func nameForm(records []place) *regexp.Regexp {
	var forms []string
	for _, p := range records {
		if !plainName.MatchString(p.Given) || !plainName.MatchString(p.Family) {
			return nil
		}
		before, between := `\d\d`, ""
		if p.Kind == world.Staff {
			before, between = "", `\.`
		}
		given, family := strings.ToLower(p.Given), strings.ToLower(p.Family)
		forms = append(forms, before+"("+given[:1]+"|"+given+")"+between+family)
	}
	return regexp.MustCompile(`^(` + strings.Join(forms, "|") + `)\d*@trust\.example$`)
}

func (o *oracle) compareGroups(groups []band, keyOf map[string]string) []string {
	var problems []string
	complain := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	seen := map[string]bool{}
	for _, g := range groups {
		want := o.groups[g.ExternalID]
		if want == nil || seen[g.ExternalID] {
			complain("group %s %q is there and should not be, or is there twice", g.ExternalID, g.DisplayName)
			continue
		}
		seen[g.ExternalID] = true
		if g.DisplayName != want.name {
			complain("group %s is called %q, not %q", g.ExternalID, g.DisplayName, want.name)
		}
		in := map[string]bool{}
		for _, m := range g.Members {
			key, known := keyOf[m.Value]
			switch {
			case !known:
				complain("group %q has the member %s, who does not exist", want.name, m.Value)
			case in[key]:
				complain("group %q has %s twice", want.name, key)
			case !want.members[key]:
				complain("group %q has %s, who does not belong there", want.name, key)
			}
			in[key] = true
		}
		for key := range want.members {
			if !in[key] {
				complain("group %q lacks %s", want.name, key)
			}
		}
	}
	for key, want := range o.groups {
		if !seen[key] {
			complain("group %s %q is missing", key, want.name)
		}
	}
	return problems
}
