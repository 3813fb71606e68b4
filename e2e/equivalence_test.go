package e2e_test

import (
	"cmp"
	"fmt"
	"iter"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"simscim/connector"
	"simscim/connector/source"
	"simscim/mapper"
	"simscim/roster"
	"simscim/sandbox/world"
	"simscim/scim"
)

// equivalenceRules take everybody, whatever their state, and use every field of a
// person and of a group that there is.
const equivalenceRules = `mappings:
  standard:
    match: [externalId, userName]
    users:
      include: "true"
      key: "person.identifiers.master != '' ? person.identifiers.master : person.id"
      attributes:
        userName:
          unique:
            - clean(person.givenName) + '.' + clean(person.familyName) + '@trust.example'
        name.givenName: person.givenName
        name.familyName: person.familyName
        nickName: person.preferredGivenName
        name.middleName: person.preferredFamilyName
        userType: person.kind
        title: person.state
        active: person.state == 'current'
        emails[type eq "work"].value: person.email
        displayName: person.username
        locale: person.ageBand
        timezone: person.begin
        preferredLanguage: person.end
        addresses[type eq "work"].region: string(academicYear)
        addresses[type eq "work"].locality: person.classes.join('|')
        addresses[type eq "work"].country: person.roles.join('|')
        addresses[type eq "work"].postalCode: site.phase
        urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department: person.yearGroup
        urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:division: person.registration
        urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter: person.house
        urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber: string(person.entryYear)
        urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:organization: site.name + '|' + site.dfe + '|' + site.id
    groups:
      - {from: year, displayName: "group.name + '|' + group.shortName + '|' + group.yearGroup"}
      - {from: registration, displayName: "group.name + '|' + group.shortName + '|' + group.yearGroup"}
      - {from: house, displayName: "group.name + '|' + group.shortName"}
      - {from: class, displayName: "group.name + '|' + group.shortName + '|' + group.yearGroup + '|' + group.subject"}
      - {derive: all-students, include: "person.kind == 'student' && person.state == 'current'", displayName: "site.name + ' Students'"}

`

// The forms in which a school may be read through OneRoster.
const (
	simsForm = "sims-oneroster" // SIMS ID's own service, version 1.1
	rest11   = "rest-11"
	rest11o1 = "rest-11-oauth1"
	rest12   = "rest-12"
	csv11    = "csv-11"
	csv12    = "csv-12"
)

// formsOf are the forms that a word of the written list stands for.
func formsOf(word string) []string {
	return map[string][]string{
		"all":      {simsForm, rest11, rest11o1, rest12, csv11, csv12},
		"services": {simsForm, rest11, rest11o1, rest12},
		"files":    {csv11, csv12},
		"1.1":      {simsForm, rest11, rest11o1, csv11},
		"1.2":      {rest12, csv12},
	}[word]
}

// lossesPage shows the written list to people, a row for each.
const lossesPage = "../docs/sources/oneroster.md"

// loss is something that a form of OneRoster cannot carry, or says in another way
// than the provisioning API. Whatever is not in the list must be the same.
type loss struct {
	what  string // an aspect, see there
	forms string
	why   string
	// who tells whom it may concern, where that is not everybody. It is asked about people
	// only.
	who func(p *world.Person, state world.State) bool
}

func (d *loss) row() string { return fmt.Sprintf("| %s | %s | %s |", d.what, d.forms, d.why) }

func losses() []loss {
	leaver := func(_ *world.Person, s world.State) bool { return s == world.Leaver }
	newPupil := func(p *world.Person, s world.State) bool { return p.Kind == world.Student && s == world.Future }
	oldPupil := func(p *world.Person, s world.State) bool { return p.Kind == world.Student && s == world.Leaver }
	linked := func(p *world.Person, _ world.State) bool { return p.Master != uuid.Nil && p.Master != p.ID }
	return []loss{
		{"`externalId`", "1.1", "no userMasterIdentifier: who has records at two schools has two accounts, unless `links` joins them", linked},
		{"`userName`", "1.1", "the same people: the second account needs a name of its own", linked},
		{"`person`", "files", "bulk files leave leavers out", leaver},
		{"`person.state`", "1.1", "staff who are still to come are only not enabled, so they pass for leavers until they are", func(p *world.Person, s world.State) bool {
			return p.Kind == world.Staff && s == world.Future
		}},
		{"`person.begin`", "1.1", "roles have no dates", nil},
		{"`person.end`", "1.1", "roles have no dates", nil},
		{"`person.preferredGivenName`", "1.1", "there are no preferred names", nil},
		{"`person.preferredFamilyName`", "1.1", "there are no preferred names", nil},
		{"`person.preferredGivenName`", "1.2", "contacts have preferred names, which the provisioning API leaves out", isContact},
		{"`person.preferredFamilyName`", "1.2", "contacts have preferred names, which the provisioning API leaves out", isContact},
		{"`person.username`", "all", "only OneRoster tells one", nil},
		{"`person.roles`", "all", "the words differ: teacher, aide, guardian instead of Teaching, Support", nil},
		{"`person.yearGroup`", "services", "pupils who have left keep their grade", oldPupil},
		{"`person.entryYear`", "services", "it follows from the grade that pupils who have left keep", oldPupil},
		{"`person.registration`", "all", "enrolments say which group pupils who are still to come will be in", newPupil},
		{"`group.members` of registration", "all", "enrolments say which group pupils who are still to come will be in", newPupil},
		{"`group.id` of year", "all", "year groups are made of grades: the id is the year itself", nil},
		{"`group.id` of house", "all", "houses are made of metadata: the id is the name in lower case", nil},
		{"`group.shortName` of house", "all", "metadata holds the name only", nil},
		{"`site.phase`", "all", "organisations have no phase", nil},
	}
}

func isContact(p *world.Person, _ world.State) bool { return p.Kind == world.Contact }

// TestEquivalence compares every form with the provisioning API, aspect by aspect. The
// choice of the form changes nothing downstream but what is on the written list, and
// all of that list is needed.
func TestEquivalence(t *testing.T) {
	t.Parallel()
	shown := newRig(t, setup{preset: "mat-small", seed: 3, edit: equivalenceConfig}).equivalent()
	for _, d := range losses() {
		if !shown[d.row()] {
			t.Errorf("the written loss does not show: %s", d.row())
		}
	}
}

// TestEquivalenceOverTheYear: forms stay together when terms end and years begin.
func TestEquivalenceOverTheYear(t *testing.T) {
	t.Parallel()
	for name, pass := range map[string]func(*world.World){
		"Christmas":  func(w *world.World) { w.Advance(55 * 24 * time.Hour) },
		"mid-August": func(w *world.World) { w.Advance(286 * 24 * time.Hour) },
		"September":  func(w *world.World) { w.September() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{preset: "primary", seed: 3, edit: equivalenceConfig})
			pass(r.box.World())
			r.equivalent()
		})
	}
}

// equivalent compares, and tells which of the written losses showed.
func (r *rig) equivalent() (shown map[string]bool) {
	r.t.Helper()
	forms, routes := r.forms()
	// All forms share one register of names: another form must not rename anybody.
	names := &register{map[string]string{}, map[string]string{}}
	want := r.desired(forms["sims"], routes, names)
	delete(forms, "sims")
	people, list := r.everybody(), losses()
	shown = map[string]bool{}
	for form, src := range forms {
		got := r.desired(src, routes, names)
		unexplained := map[string]int{}
		for at := range union(want, got) {
			if want[at] == got[at] {
				continue
			}
			i := slices.IndexFunc(list, func(d loss) bool { return d.explains(form, at, people[at.person]) })
			if i >= 0 {
				shown[list[i].row()] = true
				continue
			}
			if unexplained[at.what]++; unexplained[at.what] == 1 {
				r.t.Errorf("%s: %s of %q (person %s): the provisioning API leads to %q, this to %q", form, at.what, at.of, at.person, want[at], got[at])
			}
		}
		for what, n := range unexplained {
			r.t.Errorf("%s: %s differs %d times, and no written loss explains it", form, what, n)
		}
	}
	return shown
}

func TestLossesAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(lossesPage)
	check(t, err)
	for _, d := range losses() {
		if !strings.Contains(string(page), d.row()) {
			t.Errorf("%s lacks the row\n%s", lossesPage, d.row())
		}
	}
}

// someone is a record of the world and where it stands today.
type someone struct {
	*world.Person
	state world.State
}

func (r *rig) everybody() map[string]someone {
	out := map[string]someone{}
	w := r.box.World()
	for _, site := range w.Sites() {
		for _, kind := range []world.Kind{world.Student, world.Staff, world.Contact} {
			for _, p := range w.People(site.ID, kind) {
				out[p.ID.String()] = someone{p, p.State(w.Today())}
			}
		}
	}
	return out
}

func (d *loss) explains(form string, at aspect, p someone) bool {
	about := d.what == at.what || d.what == "`person`" && at.person != "" // with all that is said of the person
	return about && slices.Contains(formsOf(d.forms), form) && (d.who == nil || p.Person != nil && d.who(p.Person, p.state))
}

func union(x, y map[aspect]string) map[aspect]bool {
	out := map[aspect]bool{}
	for at := range x {
		out[at] = true
	}
	for at := range y {
		out[at] = true
	}
	return out
}

// aspect is one thing that is desired: an attribute of a person or a group, or a place
// in a group. person is the id of the record that it is about, if it is about one.
type aspect struct{ what, of, person string }

// fieldAt is the field that the rules put into a path.
func fieldAt(path scim.Path) string {
	const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:"
	field := map[scim.Path]string{
		"name.givenName": "person.givenName", "name.familyName": "person.familyName",
		"nickName": "person.preferredGivenName", "name.middleName": "person.preferredFamilyName",
		"userType": "person.kind", "title": "person.state", `emails[type eq "work"].value`: "person.email",
		"displayName": "person.username", "locale": "person.ageBand", "timezone": "person.begin", "preferredLanguage": "person.end",
		`addresses[type eq "work"].region`: "academicYear", `addresses[type eq "work"].locality`: "person.classes",
		`addresses[type eq "work"].country`: "person.roles", `addresses[type eq "work"].postalCode`: "site.phase",
		enterprise + "department": "person.yearGroup", enterprise + "division": "person.registration",
		enterprise + "costCenter": "person.house", enterprise + "employeeNumber": "person.entryYear", enterprise + "organization": "site",
	}[path]
	return "`" + cmp.Or(field, string(path)) + "`"
}

// aspects takes a desired state apart. People are told by their own record and groups
// by kind and name, because keys are among what is compared.
func aspects(d *mapper.Desired) map[aspect]string {
	out := map[aspect]string{}
	record := map[string]string{}
	for _, u := range d.Users {
		id := u.Person.ID
		record[u.Key] = id
		out[aspect{"`person`", "", id}] = "is there"
		for _, a := range u.Attributes {
			if !scim.IsUnassigned(a.Value) {
				out[aspect{fieldAt(a.Path), "", id}] = fmt.Sprint(a.Value)
			}
		}
	}
	for _, g := range d.Groups {
		groupAspects(out, &g, record)
	}
	for _, p := range d.Problems {
		out[aspect{"problem", p.SourceID + " " + string(p.Path), ""}] = p.Reason
	}
	return out
}

func groupAspects(out map[aspect]string, g *mapper.Group, record map[string]string) {
	kind, id, _ := strings.Cut(cmp.Or(g.SourceID, "derived"), ":")
	name, rest, _ := strings.Cut(g.Attributes.String("displayName"), "|")
	of := " of " + kind
	for out[aspect{"`group`" + of, name, ""}] != "" {
		name += " again"
	}
	out[aspect{"`group`" + of, name, ""}] = "is there"
	out[aspect{"`group.id`" + of, name, ""}] = id
	fields := strings.Split(rest, "|")
	for i, field := range []string{"shortName", "yearGroup", "subject"}[:len(fields)] {
		out[aspect{"`group." + field + "`" + of, name, ""}] = fields[i]
	}
	for _, m := range g.Members {
		out[aspect{"`group.members`" + of, name, record[m]}] = "is in it"
	}
}

// desired reads every school through a source and maps it.
func (r *rig) desired(src source.Source, routes *connector.Routes, names mapper.Namer) map[aspect]string {
	r.t.Helper()
	all := map[aspect]string{}
	sites, err := src.Sites(r.t.Context())
	check(r.t, err)
	slices.SortFunc(sites, func(x, y roster.Site) int { return strings.Compare(x.ID, y.ID) })
	for _, site := range sites {
		at := site
		at.Source = "sims" // the one entry of sites is for it
		route, ok := routes.For(at)
		if !ok {
			r.t.Fatal("no entry matches the school")
		}
		kinds, fields := route.Mapping.Want()
		snap, err := src.Read(r.t.Context(), site, source.Want{Kinds: kinds, Fields: fields})
		check(r.t, err)
		for _, s := range snap.SetAside {
			r.t.Errorf("%s: a %s is set aside: %s", site.Source, s.Entity, s.Reason)
		}
		for k, v := range aspects(route.Mapping.Map(snap, names)) {
			k.of = cmp.Or(site.Name, site.ID) + ": " + k.of
			all[k] = v
		}
	}
	return all
}

// register issues user names from memory, first come first served.
type register struct{ names, taken map[string]string }

func (*register) Offer([]string) {}

func (n *register) Expect(keys []string) []string {
	return slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return n.names[key] != "" })
}

func (n *register) Name(key string, candidates iter.Seq[string], _ bool) (string, error) {
	if name := n.names[key]; name != "" {
		return name, nil
	}
	for name := range candidates {
		if n.taken[name] == "" {
			n.names[key], n.taken[name] = name, key
			return name, nil
		}
	}
	return "", fmt.Errorf("every name is taken")
}
