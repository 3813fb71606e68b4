package simsid

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"simscim/connector/source"
	"simscim/roster"
)

// Read reads one school whole, through the API that the configuration names. By the
// provisioning API, the school's own record comes first: unless it is the
// one asked for, nothing else is read. Then people of the wanted kinds, the groups,
// and who is in which.
func (s *Source) Read(ctx context.Context, site roster.Site, want source.Want) (*roster.Snapshot, error) {
	if len(want.Kinds) == 0 {
		// An empty roll would look as if everybody had left.
		return nil, errors.New("no kind of person is wanted, so there is nothing to read")
	}
	org := roster.CanonicalID(site.ID)
	if s.vendor != nil {
		if _, err := s.customer(ctx, org); err != nil {
			return nil, err
		}
	}
	if s.oneroster != nil {
		return s.readOneRoster(ctx, org, site, want)
	}
	found, err := s.Describe(ctx, org)
	if err != nil {
		return nil, err
	}
	found.Name, found.DfE = cmp.Or(found.Name, site.Name), cmp.Or(found.DfE, site.DfE)
	r := &reading{
		source: s, contract: s.contract, org: org, school: s.school(org), today: s.today(), yearStart: found.YearStart,
		want: newWanted(want), build: roster.NewBuilder(found, s.now()), ids: map[string]bool{},
	}
	for _, kind := range r.want.kinds {
		if err := r.people(ctx, kind); err != nil {
			return nil, err
		}
	}
	groups, err := r.groups(ctx)
	if err != nil {
		return nil, err
	}
	if s.contract.membership.fromGroup {
		if err := r.members(ctx, groups); err != nil {
			return nil, err
		}
	}
	snap := r.build.Finish()
	r.settle(snap)
	return snap, nil
}

// reading is one read of one school.
type reading struct {
	source    *Source
	contract  *Contract
	org       string
	school    *school
	today     time.Time
	yearStart time.Time
	want      wanted
	build     *roster.Builder
	// ids are the people taken so far: the memberships of a second record with the
	// same id go with that record.
	ids map[string]bool
}

// list prepares one of the school's lists.
func (r *reading) list(what, template string, values map[string]string) *list {
	all := map[string]string{"organisation": r.org}
	maps.Copy(all, values)
	return &list{
		what: what, at: r.source.provisioning, template: template,
		path:  r.contract.basePath + expand(template, all),
		shape: r.contract.shape(), paging: r.contract.paging, noContent: r.contract.envelope.emptyNoContent,
		organisation: r.org, school: true,
	}
}

// settle fills in what depends on the whole snapshot, and drops again what the
// memberships brought in although no rule wants it.
func (r *reading) settle(snap *roster.Snapshot) {
	for i := range snap.People {
		p := &snap.People[i]
		if p.Kind == roster.Student && r.want.has("entryYear") {
			day := r.today
			if p.State == roster.Future && p.Begin.After(day) {
				day = p.Begin // a future starter's year group counts from that day
			}
			p.EntryYear = roster.EntryYearOf(p.YearGroup, roster.AcademicYear(day, r.yearStart))
		}
		r.want.prune(p)
	}
	slices.SortStableFunc(snap.SetAside, func(a, b roster.SetAside) int {
		return cmp.Or(cmp.Compare(a.Entity, b.Entity), cmp.Compare(a.Ref, b.Ref), cmp.Compare(a.Reason, b.Reason))
	})
}

// wanted is a source.Want that can be asked.
type wanted struct {
	kinds  []roster.Kind
	fields map[string]bool
}

func newWanted(w source.Want) wanted {
	kinds := slices.Clone(w.Kinds)
	slices.Sort(kinds)
	out := wanted{kinds: slices.Compact(kinds), fields: map[string]bool{}}
	for _, f := range w.Fields {
		out.fields[f] = true
	}
	return out
}

func (w wanted) has(field string) bool { return w.fields[field] }

// identifier tells whether further ids of a type are wanted; "identifiers" alone
// stands for all of them.
func (w wanted) identifier(name string) bool {
	return w.fields["identifiers"] || w.fields["identifiers."+name]
}

// prune empties what is not wanted.
func (w wanted) prune(p *roster.Person) {
	if !w.has("yearGroup") {
		p.YearGroup = ""
	}
	if !w.has("registration") {
		p.Registration = ""
	}
	if !w.has("house") {
		p.House = ""
	}
	if !w.has("classes") {
		p.Classes = nil
	}
	if !w.has("begin") {
		p.Begin = time.Time{}
	}
	if !w.has("end") {
		p.End = time.Time{}
	}
}

// plural names the list of a kind of people in reasons.
func plural(k roster.Kind) string {
	switch k {
	case roster.Student:
		return "students"
	case roster.Contact:
		return "contacts"
	default:
		return string(k)
	}
}

// people reads one kind of people into the builder.
func (r *reading) people(ctx context.Context, kind roster.Kind) error {
	template, ok := r.contract.people.paths[kind]
	if !ok {
		return fmt.Errorf("the contract has no list of %s, but a rule wants them", plural(kind))
	}
	decode := func(rec record) (human, string) { return r.person(kind, rec) }
	items, err := readList(r.school.in(ctx), r.list(plural(kind), template, nil), decode, func(h human) string { return h.person.ID })
	if err != nil {
		return err
	}
	for _, it := range items {
		r.take(it)
	}
	return nil
}

// take hands a decoded person to the builder, and the memberships with the first
// record of an id only.
func (r *reading) take(it item[human]) {
	p := it.value.person
	if it.problem != "" {
		r.build.SetAside("person", p.ID, it.problem)
		return
	}
	first := p.ID != "" && !r.ids[p.ID]
	r.ids[p.ID] = true
	r.build.AddPerson(p)
	if !first {
		return
	}
	for _, m := range it.value.groups {
		if m.problem != "" {
			r.build.SetAside("membership", m.key.String(), m.problem)
			continue
		}
		r.build.AddMembership(roster.Membership{Group: m.key, Person: p.ID, Role: m.role})
	}
}
