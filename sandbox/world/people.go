package world

import (
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/gosimple/unidecode"
)

// names are the pools, split once.
type names struct {
	origins  []origin
	total    int
	mononyms []string
	english  []string
}

type origin struct {
	weight               int
	female, male, family []string
}

func newNames() *names {
	n := &names{mononyms: split(mononyms), english: split(englishNames)}
	for _, h := range heritages() {
		n.origins = append(n.origins, origin{h.weight, split(h.female), split(h.male), split(h.family)})
		n.total += h.weight
	}
	return n
}

func (n *names) origin(d dice) int8 {
	at := d.IntN(n.total)
	for i, o := range n.origins {
		if at -= o.weight; at < 0 {
			return int8(i)
		}
	}
	return 0
}

// name gives p a whole name. Families mix: some given names come from the British
// pool whatever the family, and some families join two names.
func (n *names) name(d dice, p *Person) {
	p.origin = n.origin(d)
	p.female = d.chance(0.49)
	p.Given = n.given(d, p)
	p.Family = pick(d, n.origins[p.origin].family)
	switch {
	case d.chance(0.025) && !strings.ContainsAny(p.Family, "- "):
		p.Family += "-" + pick(d, n.origins[0].family)
	case d.chance(0.003):
		p.Family, p.Given = "", pick(d, n.mononyms)
	}
	switch {
	case d.chance(0.04):
		p.PreferredGiven = pick(d, n.english)
	case d.chance(0.02):
		p.PreferredGiven = short(p.Given)
	}
	if d.chance(0.01) {
		p.PreferredFamily = pick(d, n.origins[p.origin].family)
	}
}

func (n *names) given(d dice, p *Person) string {
	o := n.origins[p.origin]
	if d.chance(0.12) {
		o = n.origins[0]
	}
	if p.female {
		return pick(d, o.female)
	}
	return pick(d, o.male)
}

// short is the first syllable or so of a name, as friends shorten it.
func short(given string) string {
	r := []rune(given)
	if len(r) < 6 {
		return ""
	}
	return strings.TrimRight(string(r[:4]), " -'")
}

// special lists the names that every school of some size has one of each, so that
// no world is without the cases that break naming rules.
func special() [][4]string {
	return [][4]string{
		{"Siobhán", "O'Brien-McDonald", "", ""},
		{"Zoë", "van der Berg", "", ""},
		{"Łukasz", "Wiśniewski", "", ""},
		{"", "Sukarno", "", ""},
		{"Thiri", "", "", ""},
		{"Xin Yi", "Ng", "小怡", ""},
		{"Jean-Luc", "D’Angelo", "", ""},
		{"Bjo\u0308rn", "A\u030Astro\u0308m", "", ""}, // decomposed, as some systems store it
		{"Ayşe", "Yılmaz", "", "Yilmaz-Smith"},
		{"Oluwaseyifunmi Adébáyọ̀", "Oyelaran-Cole", "Seyi", ""},
	}
}

// pupil makes a pupil of a year, not yet in any group.
func (e *draft) pupil(year int8) *Person {
	p := &Person{ID: e.id(), Kind: Student, Year: year}
	e.names.name(e.dice, p)
	// A cohort is born from 1 September to 31 August; Reception turns five.
	from := ymd(e.Year-int(year)-5, 9, 1)
	p.Born = from + Date(e.IntN(365))
	p.Start = ymd(e.Year-int(year-e.firstYear(year)), 9, 1)
	e.mail(p)
	return e.add(p)
}

// firstYear is the year in which a pupil of the given year usually came.
func (e *draft) firstYear(year int8) int8 {
	switch {
	case e.Site.Phase != Secondary:
		return 0
	case year >= 12 && e.chance(0.2):
		return 12
	default:
		return 7
	}
}

// twinOf makes a twin of p: same family, same day, at times the same initial.
func (e *draft) twinOf(p *Person) *Person {
	q := &Person{
		ID: e.id(), Kind: Student, Year: p.Year, Born: p.Born, Start: p.Start, Family: p.Family,
		origin: p.origin, female: p.female, Twin: p.ID,
	}
	for range 20 {
		q.Given = e.names.given(e.dice, q)
		if q.Given != p.Given && initial(q.Given) == initial(p.Given) {
			break
		}
	}
	if q.Given == p.Given {
		q.Given += "-Rose"
	}
	p.Twin = q.ID
	e.mail(q)
	return e.add(q)
}

func initial(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}

// employee makes a member of staff.
func (e *draft) employee(teaching bool) *Person {
	p := &Person{ID: e.id(), Kind: Staff, Teaching: teaching, dept: int8(e.IntN(len(subjects())))}
	e.names.name(e.dice, p)
	p.Born = e.today - Date(22*365+e.IntN(43*365))
	p.Start = e.today - Date(30+e.IntN(15*365))
	e.mail(p)
	return e.add(p)
}

// contacts makes the parents and carers of a pupil, 1.6 on average.
func (e *draft) contacts(p *Person) {
	n := 1
	if e.chance(0.55) {
		n++
	}
	if e.chance(0.05) {
		n++
	}
	for range n {
		c := &Person{ID: e.id(), Kind: Contact, Of: p.ID}
		e.names.name(e.dice, c)
		if e.chance(0.75) && p.Family != "" {
			c.origin, c.Family = p.origin, p.Family
			c.Given = e.names.given(e.dice, c)
		}
		if !e.chance(0.2) {
			c.Email = e.free(handle(c.Given)+"."+handle(c.Family), "mail.example")
		}
		e.add(c)
	}
}

// mail gives nine in ten an address of the school's domain.
func (e *draft) mail(p *Person) {
	p.Email = ""
	if e.chance(0.1) {
		return
	}
	local := initial(handle(p.Given)) + handle(p.Family)
	if p.Kind == Student {
		local = fmt.Sprintf("%02d%s", (e.Year-int(p.Year))%100, local)
	} else {
		local = initial(handle(p.Given)) + "." + handle(p.Family)
	}
	p.Email = e.free(local, e.Site.Domain)
}

// free finds an address that nobody at the school has.
func (e *draft) free(local, domain string) string {
	if e.mails == nil {
		e.mails = map[string]bool{}
		for _, list := range e.people {
			for _, p := range list {
				e.mails[p.Email] = true
			}
		}
	}
	local = strings.Trim(local, ".")
	mail := local + "@" + domain
	for n := 2; e.mails[mail]; n++ {
		mail = fmt.Sprintf("%s%d@%s", local, n, domain)
	}
	e.mails[mail] = true
	return mail
}

// handle is a name in plain lower-case letters.
func handle(name string) string {
	return strings.Map(func(r rune) rune {
		if r < 'a' || r > 'z' {
			return -1
		}
		return r
	}, strings.ToLower(unidecode.Unidecode(name)))
}

// leave ends a person's time at the school after the day given. Whoever leaves is
// still listed, without groups; a teacher's classes go to the successor.
func (e *draft) leave(id uuid.UUID, last Date, successor *Person) {
	p := e.edit(id)
	if successor != nil {
		if successor.Registration == nil {
			successor.Registration = p.Registration
		}
		for _, m := range p.Classes {
			if in, _ := successor.in(m.Group); !in {
				successor.Classes = append(successor.Classes, m)
			}
		}
		successor.dept = p.dept
	}
	p.End = last
	p.YearGroup, p.Registration, p.House, p.Classes = nil, nil, nil, nil
}
