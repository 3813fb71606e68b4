package simsid

import (
	"context"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"simscim/roster"
)

// band is a group as the source lists it: ours, and the source's word for its type,
// which its member list is found by.
type band struct {
	group roster.Group
	word  string
}

// groups reads the groups into the builder, and returns them in the source's order.
func (r *reading) groups(ctx context.Context) ([]band, error) {
	c := &r.contract.groups
	words := []string{""}
	if strings.Contains(c.path, "{groupType}") {
		words = slices.Sorted(maps.Keys(c.kinds)) // one list a type
	}
	var all []band
	for _, word := range words {
		if word != "" && c.kinds[word] == "" {
			continue
		}
		l := r.list(strings.TrimSpace("groups "+word), c.path, map[string]string{"groupType": word})
		decode := func(rec record) (band, string) { return r.group(word, rec) }
		items, err := readList(r.school.in(ctx), l, decode, func(b band) string { return b.word + ":" + b.group.ID })
		if err != nil {
			return nil, err
		}
		for _, it := range items {
			switch {
			case it.problem != "":
				r.build.SetAside("group", it.value.group.ID, it.problem)
			case it.value.group.Kind == "": // a type that the contract ignores
			default:
				r.build.AddGroup(it.value.group)
				all = append(all, it.value)
			}
		}
	}
	return all, nil
}

// group decodes one record. listed is the type of the list that it stands in, or "".
func (r *reading) group(listed string, rec record) (band, string) {
	c := &r.contract.groups
	f := fields{r: rec}
	word := firstOf(f.text(c.kind), listed)
	kind, known := c.kinds[word]
	b := band{word: word, group: roster.Group{
		GroupKey: roster.GroupKey{Kind: kind, ID: roster.CanonicalID(f.text(c.id))},
		Name:     f.text(c.name), ShortName: f.text(c.shortName), Subject: f.text(c.subject),
		YearGroup: roster.NormaliseYear(f.text(c.yearGroup)),
		Begin:     f.date(c.begin), End: f.date(c.end),
	}}
	switch {
	case f.problem != "":
		return b, f.problem
	case !known:
		return b, "the contract does not know its type of group"
	case b.group.ID == "" && kind != "":
		return b, "the record has no id"
	case listed != "" && word != listed:
		return b, "it says that it is of another type than the list that it stands in"
	default:
		return b, ""
	}
}

// members reads each group's own list of members, several groups at once.
func (r *reading) members(ctx context.Context, groups []band) error {
	found := make([][]item[member], len(groups))
	g, gctx := errgroup.WithContext(r.school.in(ctx))
	g.SetLimit(max(r.source.cfg.Limits.InFlight, 1))
	for i, b := range groups {
		g.Go(func() error {
			l := r.list("the members of "+b.group.GroupKey.String(), r.contract.membership.path,
				map[string]string{"group": b.group.ID, "groupType": b.word})
			var err error
			found[i], err = readList(gctx, l, r.member, func(m member) string { return m.person + " " + string(m.role) })
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, b := range groups {
		for _, it := range found[i] {
			switch {
			case it.problem != "":
				r.build.SetAside("membership", b.group.GroupKey.String(), it.problem)
			case it.value.wanted:
				r.build.AddMembership(roster.Membership{Group: b.group.GroupKey, Person: it.value.person, Role: it.value.role})
			}
		}
	}
	return nil
}

// member is one entry of a group's list.
type member struct {
	person string
	role   roster.Role
	// wanted is false for people of a kind that was not read.
	wanted bool
}

func (r *reading) member(rec record) (member, string) {
	c := &r.contract.membership
	f := fields{r: rec}
	m := member{person: roster.CanonicalID(f.text(c.id)), wanted: true}
	role, why := r.role(f.text(c.role))
	m.role = role
	if word := f.text(c.kind); word != "" {
		kind, known := r.contract.people.kinds[word]
		if !known {
			why = firstOf(why, "the contract does not know its type of person")
		}
		m.wanted = kind != "" && slices.Contains(r.want.kinds, kind)
	}
	if m.person == "" {
		why = firstOf(f.problem, "it names no person")
	}
	return m, firstOf(f.problem, why)
}
