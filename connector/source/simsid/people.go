package simsid

import (
	"strings"
	"time"

	"simscim/roster"
)

// human is a person of a list, and the groups that the record names.
type human struct {
	person roster.Person
	groups []link
}

// link is a person's place in a group, or what is wrong with it.
type link struct {
	key     roster.GroupKey
	role    roster.Role
	problem string
}

// person decodes one record of the list of a kind. Only what is wanted is taken out of
// it; the reason why it cannot be used holds no value of it.
func (r *reading) person(kind roster.Kind, rec record) (human, string) {
	c := &r.contract.people
	f := fields{r: rec}
	// Where the id itself is unusable the record stays without one.
	h := human{person: roster.Person{ID: roster.CanonicalID(f.text(c.id)), Kind: kind}}
	p := &h.person
	p.GivenName, p.FamilyName = f.text(c.givenName), f.text(c.familyName)
	p.PreferredGivenName, p.PreferredFamilyName = f.text(c.preferredGiven), f.text(c.preferredFamily)
	p.Begin, p.End = f.date(c.begin), f.date(c.end)
	r.optional(&f, p)
	if !r.contract.membership.fromGroup {
		h.groups = r.links(&f)
	}
	if f.problem != "" {
		return h, f.problem
	}
	if p.ID == "" {
		return h, "the record has no id"
	}
	if why := checkKind(c, kind, f.text(c.kind)); why != "" {
		return h, why
	}
	state, why := stateOf(c, f.text(c.state), p.Begin, p.End, r.today)
	p.State = state
	return h, firstOf(f.problem, why)
}

// optional takes the fields that come only when a rule names them. Fields that nobody
// wants are not even looked at, so they can do no harm.
func (r *reading) optional(f *fields, p *roster.Person) {
	c := &r.contract.people
	if r.want.has("yearGroup") || r.want.has("entryYear") {
		p.YearGroup = roster.NormaliseYear(f.text(c.yearGroup))
	}
	if r.want.has("registration") {
		p.Registration = f.text(c.registration)
	}
	if r.want.has("house") {
		p.House = f.text(c.house)
	}
	if r.want.has("ageBand") {
		p.AgeBand = f.text(c.ageBand)
	}
	if r.want.has("email") {
		p.Email = notNull(f.text(c.email))
	}
	if r.want.has("username") {
		p.Username = notNull(f.text(c.username))
	}
	if r.want.has("roles") {
		p.Roles = f.texts(c.roles)
	}
	for name, path := range c.identifiers {
		if !r.want.identifier(name) {
			continue
		}
		if v := roster.CanonicalID(f.text(path)); v != "" {
			if p.Identifiers == nil {
				p.Identifiers = map[string]string{}
			}
			p.Identifiers[name] = v
		}
	}
}

// notNull empties a literal NULL, which some feeds carry where there is nothing.
func notNull(s string) string {
	if strings.EqualFold(s, "null") {
		return ""
	}
	return s
}

// checkKind compares what a record says it is with the list that it stands in.
func checkKind(c *peopleContract, kind roster.Kind, word string) string {
	if word == "" {
		return ""
	}
	switch got, known := c.kinds[word]; {
	case !known:
		return "the contract does not know its type of person"
	case got != "" && got != kind:
		return "it says that it is of another type than the list that it stands in"
	default:
		return ""
	}
}

// stateOf tells where a person stands. The source's own word counts first; the dates
// decide where it says nothing. The last day on the roll is still a day on it.
func stateOf(c *peopleContract, word string, begin, end, today time.Time) (roster.State, string) {
	if state := c.states[word]; state != "" {
		return state, ""
	}
	switch {
	case begin.After(today):
		return roster.Future, ""
	case !end.IsZero() && end.Before(today):
		return roster.Leaver, ""
	case word != "" && begin.IsZero() && end.IsZero():
		// Guests, applicants and the like: taking them for pupils would make accounts.
		return "", "the contract does not know its state on the roll, and it has no dates"
	default:
		return roster.Current, ""
	}
}

// links reads the groups that a person's record names. An empty reference is none.
func (r *reading) links(f *fields) []link {
	var out []link
	for _, ref := range r.contract.membership.refs {
		for _, rec := range f.list(ref.at) {
			g := fields{r: rec}
			l := link{key: roster.GroupKey{Kind: ref.kind, ID: roster.CanonicalID(g.text(ref.id))}, role: roster.Member}
			l.role, l.problem = r.role(g.text(ref.role))
			l.problem = firstOf(g.problem, l.problem)
			if l.key.ID != "" || l.problem != "" {
				out = append(out, l)
			}
		}
	}
	return out
}

func (r *reading) role(word string) (roster.Role, string) {
	if word == "" {
		return roster.Member, ""
	}
	role, known := r.contract.membership.roles[word]
	if !known {
		return "", "the contract does not know the role in it"
	}
	return role, ""
}

func firstOf(reasons ...string) string {
	for _, r := range reasons {
		if r != "" {
			return r
		}
	}
	return ""
}
