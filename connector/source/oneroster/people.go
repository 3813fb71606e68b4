package oneroster

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"simscim/roster"
)

// person is a user of this school while the roll is worked out.
type person struct {
	roster.Person
	// taken is false for people who are only known, so that an enrolment of theirs does
	// not point nowhere: a kind that nobody wants, or a record set aside.
	taken bool
	// newcomer may be waiting for the first enrolment: the roles have no date.
	newcomer bool
	house    string
	born     time.Time
}

// User takes a person of this school. Who has no role here is passed over.
func (d *Deriver) User(u User) {
	var here []UserRole
	for _, r := range u.Roles {
		if roster.CanonicalID(r.OrgID) == d.id {
			here = append(here, r)
		}
	}
	if len(here) == 0 {
		return
	}
	u.ID = roster.CanonicalID(u.ID)
	if u.ID == "" {
		d.SetAside("person", "", "the record has no id")
		return
	}
	if d.people[u.ID] != nil {
		d.SetAside("person", u.ID, "the id appears more than once")
		return
	}
	p := &person{}
	d.people[u.ID] = p
	roles, why := d.rolesToday(here)
	alive, unknown := life(u.Status)
	switch {
	case why != "":
		d.SetAside("person", u.ID, why)
		return
	case len(roles) == 0:
		return // only roles that make nobody a member of the school
	}
	s := stand(roles)
	if !d.want.kind(s.kind) {
		return
	}
	if u.EnabledKnown && !u.Enabled {
		s.state = roster.Leaver
	}
	switch {
	case alive || s.state == roster.Leaver:
	case unknown != "":
		// A word of the source's own: neither an account nor its end should hang on it.
		d.SetAside("person", u.ID, unknown)
		return
	default:
		s.state = roster.Leaver
	}
	p.taken, p.born = true, u.BirthDate
	p.newcomer = s.kind == roster.Student && s.state == roster.Current && s.begin.IsZero()
	p.Person = roster.Person{
		ID: u.ID, Kind: s.kind, State: s.state, Begin: s.begin, End: s.end,
		GivenName: clean(u.GivenName), FamilyName: clean(u.FamilyName),
		PreferredGivenName: d.notNull("preferredGivenName", clean(u.PreferredGivenName)), PreferredFamilyName: d.notNull("preferredFamilyName", clean(u.PreferredFamilyName)),
	}
	d.optional(p, &u, s)
}

// rolesToday keeps the roles that count, or tells why the record cannot be used.
func (d *Deriver) rolesToday(here []UserRole) (out []held, why string) {
	for _, r := range here {
		r.Role = clean(r.Role)
		kind, used, known := kindOf(r.Role)
		switch {
		case r.Role == "":
			why = cmp.Or(why, "it has no role")
		case !known:
			d.Warn("person", "role", "the role is not known")
			why = cmp.Or(why, "its role is not known")
		case used:
			out = append(out, held{role: r, kind: kind, state: during(r.Begin, r.End, d.today)})
		}
	}
	if len(out) > 0 {
		return out, ""
	}
	return nil, why
}

// optional takes what comes only where a rule names it, and what groups are made of.
func (d *Deriver) optional(p *person, u *User, s standing) {
	if p.Kind == roster.Student {
		year, why := d.grades.one(u.Grades)
		p.YearGroup = year
		for _, reason := range why {
			d.Warn("person", "grades", reason)
		}
	}
	if name := d.rules.HouseMetadata; name != "" && p.Kind == roster.Student {
		p.house = d.notNull("metadata", oneLine(metadata(u.Metadata, name)))
	}
	if d.want.has("roles") {
		p.Roles = s.roles
	}
	if d.want.has("email") {
		p.Email = d.email(u.Email)
	}
	if d.want.has("username") {
		p.Username = d.notNull("username", clean(u.Username))
	}
	d.identifiers(p, u)
}

func (d *Deriver) identifiers(p *person, u *User) {
	take := func(typ, value string) {
		name, ok := d.want.identifier(typ)
		if !ok {
			return
		}
		if value = d.notNull("userIds", roster.CanonicalID(clean(value))); value == "" {
			return
		}
		if p.Identifiers == nil {
			p.Identifiers = map[string]string{}
		}
		if before, twice := p.Identifiers[name]; twice {
			if before != value {
				d.Warn("person", "userIds", "several ids are of one type")
			}
			return
		}
		p.Identifiers[name] = value
	}
	take("master", u.MasterID)
	take("identifier", u.Identifier)
	for _, typ := range slices.Sorted(maps.Keys(u.UserIDs)) {
		take(clean(typ), u.UserIDs[typ])
	}
}

// email drops what is no address. That somebody has none is nothing to warn of.
func (d *Deriver) email(s string) string {
	s = d.notNull("email", clean(s))
	if s != "" && !isEmail(s) {
		d.Warn("person", "email", "it is not an e-mail address")
		return ""
	}
	return s
}

func (d *Deriver) notNull(field, s string) string {
	if isNull(s) {
		d.Warn("person", field, "it says NULL")
		return ""
	}
	return s
}

// metadata finds a field of a record's extensions, in whatever case.
func metadata(m map[string]string, name string) string {
	if v, ok := m[name]; ok {
		return v
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if strings.EqualFold(key, name) {
			return m[key]
		}
	}
	return ""
}

// oneLine also makes single blanks of several.
func oneLine(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }

// settle tells future starters by their enrolments, where the roles have no dates: a
// pupil all of whose places are still ahead, and who had none before. That holds only
// while half of the pupils or more have a place today: in the holidays the next year's
// places may be all that a source lists, and then nobody is new.
func (d *Deriver) settle(places []place) {
	type tally struct {
		now, ahead bool
		first      time.Time
	}
	tallies := map[string]*tally{}
	for i := range places {
		p := &places[i]
		t := tallies[p.person.ID]
		if t == nil {
			t = &tally{}
			tallies[p.person.ID] = t
		}
		if p.state != roster.Future {
			t.now = true // or before
			continue
		}
		if !t.ahead || p.begin.Before(t.first) {
			t.first = p.begin
		}
		t.ahead = true
	}
	var waiting []*person
	settled := 0
	for _, p := range d.people {
		switch t := tallies[p.ID]; {
		case !p.taken || !p.newcomer || t == nil:
		case t.now:
			settled++
		case t.ahead:
			waiting = append(waiting, p)
		}
	}
	if len(waiting) > settled {
		return
	}
	for _, p := range waiting {
		p.State, p.Begin = roster.Future, tallies[p.ID].first
	}
}

func (d *Deriver) addPeople() {
	for id, p := range d.people {
		if !p.taken {
			continue
		}
		if born, ok := d.births[id]; ok {
			p.born = born
		}
		d.build.AddPerson(p.Person)
	}
}

// fill works out what depends on the whole snapshot, and drops again what nobody wants.
func (d *Deriver) fill(snap *roster.Snapshot) {
	for i := range snap.People {
		p := &snap.People[i]
		if p.Kind == roster.Student {
			d.fillStudent(p, snap.Site.YearStart)
		}
		d.prune(p)
	}
}

// newcomersEarly is how long before the year's first day the dates of its new pupils may
// begin. Whoever starts in late August belongs to the year that follows.
const newcomersEarly = 31

func (d *Deriver) fillStudent(p *roster.Person, yearStart time.Time) {
	day := d.today
	if p.State == roster.Future && p.Begin.After(day) {
		day = p.Begin.AddDate(0, 0, newcomersEarly) // the year group counts from that day
	}
	year := roster.AcademicYear(day, yearStart)
	if d.want.has("entryYear") {
		p.EntryYear = roster.EntryYearOf(p.YearGroup, year)
	}
	if d.want.has("ageBand") {
		n, inYear := roster.YearNumber(p.YearGroup)
		switch born := d.people[p.ID].born; {
		case !born.IsZero() && born.Before(d.today):
			p.AgeBand = ageBand(age(born, d.today))
		case inYear:
			p.AgeBand = ageBand(n + 4) // the age at the start of the year: the lower of the two
		}
	}
}

func age(born, today time.Time) int {
	years := today.Year() - born.Year()
	if today.Month() < born.Month() || today.Month() == born.Month() && today.Day() < born.Day() {
		years--
	}
	return years
}

// prune empties what the memberships brought in although no rule wants it.
func (d *Deriver) prune(p *roster.Person) {
	if !d.want.has("yearGroup") {
		p.YearGroup = ""
	}
	if !d.want.has("registration") {
		p.Registration = ""
	}
	if !d.want.has("house") {
		p.House = ""
	}
	if !d.want.has("classes") {
		p.Classes = nil
	}
	if !d.want.has("begin") {
		p.Begin = time.Time{}
	}
	if !d.want.has("end") {
		p.End = time.Time{}
	}
}
