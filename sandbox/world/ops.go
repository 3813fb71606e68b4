package world

import (
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
)

// ErrUnknown is the error of an operation on a person or a school that is not there.
var ErrUnknown = errors.New("unknown id")

// find returns where a record is. The caller holds the lock.
func (w *World) find(id uuid.UUID) (site int, p *Person, err error) {
	for i, r := range w.rolls {
		if p, ok := r.Person(id); ok {
			return i, p, nil
		}
	}
	return 0, nil, fmt.Errorf("person %s: %w", id, ErrUnknown)
}

func (w *World) siteIndex(id uuid.UUID) (int, error) {
	i := slices.IndexFunc(w.rolls, func(r *Roll) bool { return r.Site.ID == id })
	if i < 0 {
		return 0, fmt.Errorf("school %s: %w", id, ErrUnknown)
	}
	return i, nil
}

// at runs a change of one school.
func (w *World) at(site int, change func(*draft, *Report) error) (Report, error) {
	r, d := w.begin()
	e := w.draft(w.rolls[site], d)
	if err := change(e, r); err != nil {
		// A refused call leaves no trace, also not in what comes after it.
		w.moves--
		return Report{}, err
	}
	w.rolls[site] = e.commit()
	return *r, nil
}

// Join brings a new person to a school: a pupil of the curriculum year (0 is
// Reception) or a member of staff, who start today. The report's first person is
// the new record.
func (w *World) Join(site uuid.UUID, kind Kind, year int) (Report, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i, err := w.siteIndex(site)
	if err != nil {
		return Report{}, fmt.Errorf("join: %w", err)
	}
	return w.at(i, func(e *draft, r *Report) error {
		switch {
		case kind == Student && (year < 0 || year > 14 || !w.suits(w.rolls[i], int8(year))):
			return fmt.Errorf("join: the school has no year %d", year)
		case kind == Contact:
			return errors.New("join: contacts come with their pupil")
		}
		e.join(r, kind, int8(year))
		return nil
	})
}

func (e *draft) join(r *Report, kind Kind, year int8) *Person {
	var p *Person
	if kind == Student {
		p = e.pupil(year)
		p.Start = e.today
		e.place(p)
		e.contacts(p)
		r.happened(Joined, "%s joins Year %s at %s", p.Name(), yearText(year), e.Site.Name)
	} else {
		p = e.employee(e.chance(0.5))
		p.Start = e.today
		r.happened(Joined, "%s joins the staff of %s", p.Name(), e.Site.Name)
	}
	r.People = append(r.People, p.ID)
	return p
}

func yearText(year int8) string {
	if year == 0 {
		return "R"
	}
	return fmt.Sprint(year)
}

// Leave ends a person's time at the school with yesterday; the record stays listed
// for a while as that of a leaver. A teacher's classes go to a colleague.
func (w *World) Leave(id uuid.UUID) (Report, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i, p, err := w.find(id)
	if err != nil {
		return Report{}, fmt.Errorf("leave: %w", err)
	}
	return w.at(i, func(e *draft, r *Report) error {
		if p.State(e.today) != Current || p.End != 0 || p.Kind == Contact {
			return fmt.Errorf("leave: person %s is no current pupil or member of staff", id)
		}
		e.goes(r, p)
		return nil
	})
}

func (e *draft) goes(r *Report, p *Person) {
	var successor *Person
	if p.Teaching && len(p.Classes) > 0 {
		others := slices.DeleteFunc(e.teachers(), func(t *Person) bool { return t.ID == p.ID })
		if len(others) > 0 {
			same := slices.DeleteFunc(slices.Clone(others), func(t *Person) bool { return t.dept != p.dept })
			if len(same) > 0 {
				others = same
			}
			successor = e.edit(evenly(e.dice, others).ID)
		}
	}
	e.leave(p.ID, e.today-1, successor)
	r.People = append(r.People, p.ID)
	r.happened(Left, "%s leaves %s", p.Name(), e.Site.Name)
}

// Return brings a leaver back who is still listed.
func (w *World) Return(id uuid.UUID) (Report, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i, p, err := w.find(id)
	if err != nil {
		return Report{}, fmt.Errorf("return: %w", err)
	}
	return w.at(i, func(e *draft, r *Report) error {
		switch {
		case p.State(e.today) != Leaver:
			return fmt.Errorf("return: person %s has not left", id)
		case p.Kind == Student && !w.suits(w.rolls[i], p.Year):
			return fmt.Errorf("return: person %s has outgrown the school", id)
		}
		e.comesBack(r, p)
		return nil
	})
}

func (e *draft) comesBack(r *Report, p *Person) {
	q := e.edit(p.ID)
	q.Start, q.End = e.today, 0
	if q.Kind == Student {
		e.place(q)
	}
	r.People = append(r.People, q.ID)
	r.happened(Returned, "%s comes back to %s", q.Name(), e.Site.Name)
}

// MoveClass moves a pupil to a parallel class of one subject, or to another
// registration group where the pupil has no classes.
func (w *World) MoveClass(pupil uuid.UUID) (Report, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i, _, err := w.find(pupil)
	if err != nil {
		return Report{}, fmt.Errorf("move class: %w", err)
	}
	return w.at(i, func(e *draft, r *Report) error {
		if !e.moves(r, pupil) {
			return fmt.Errorf("move class: there is no parallel class for person %s", pupil)
		}
		return nil
	})
}

// moves tries the pupil's classes in random order.
func (e *draft) moves(r *Report, id uuid.UUID) bool {
	p := e.edit(id)
	if p.Kind != Student || p.Registration == nil {
		return false
	}
	for _, i := range e.Perm(len(p.Classes)) {
		old := p.Classes[i].Group
		to := e.parallel(p, old)
		if to == nil {
			continue
		}
		p.Classes[i].Group = to
		r.People = append(r.People, id)
		r.happened(ClassMoved, "%s moves from %s to %s at %s", p.Name(), old.Short, to.Short, e.Site.Name)
		return true
	}
	return e.movesForm(r, p)
}

func (e *draft) movesForm(r *Report, p *Person) bool {
	old := p.Registration
	var to []*Group
	for _, g := range e.groupsOf(Registration) {
		if g != old && g.year == old.year && g.band == old.band && (g.year != 0 || e.holdsYear(g, p.Year)) {
			to = append(to, g)
		}
	}
	if len(to) == 0 {
		return false
	}
	p.Registration = evenly(e.dice, to)
	r.People = append(r.People, p.ID)
	r.happened(ClassMoved, "%s moves from %s to %s at %s", p.Name(), old.Short, p.Registration.Short, e.Site.Name)
	return true
}

// parallel is another class of the same year, band and subject that the pupil is not
// in yet, or nil.
func (e *draft) parallel(p *Person, g *Group) *Group {
	var to []*Group
	for _, o := range e.groups {
		if o.Kind != Class || o == g || o.year != g.year || o.band != g.band || o.Subject != g.Subject {
			continue
		}
		if in, _ := p.in(o); !in {
			to = append(to, o)
		}
	}
	if len(to) == 0 {
		return nil
	}
	return evenly(e.dice, to)
}

// Marry gives a member of staff a new family name, in all of their records.
func (w *World) Marry(staff uuid.UUID) (Report, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, p, err := w.find(staff)
	if err != nil {
		return Report{}, fmt.Errorf("marry: %w", err)
	}
	if p.Kind != Staff {
		return Report{}, fmt.Errorf("marry: person %s is no member of staff", staff)
	}
	r, d := w.begin()
	w.marry(r, d, p)
	return *r, nil
}

func (w *World) marry(r *Report, d dice, p *Person) {
	family := p.Family
	for family == p.Family || family == "" {
		family = pick(d, w.names.origins[w.names.origin(d)].family)
	}
	human, said := p.Human(), false
	for i, roll := range w.rolls {
		for _, q := range roll.people[Staff] {
			if q.Human() != human {
				continue
			}
			e := w.draft(w.rolls[i], d)
			changed := e.edit(q.ID)
			old := changed.Name()
			changed.Family = family
			w.rolls[i] = e.commit()
			r.People = append(r.People, q.ID)
			if !said {
				r.happened(Renamed, "%s of %s is now called %s", old, roll.Site.Name, changed.Name())
				said = true
			}
		}
	}
}

// DualRegister registers a pupil at a second school as well. The report's first
// person is the second record.
func (w *World) DualRegister(pupil, other uuid.UUID) (Report, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i, p, err := w.find(pupil)
	if err != nil {
		return Report{}, fmt.Errorf("dual register: %w", err)
	}
	j, err := w.siteIndex(other)
	if err != nil {
		return Report{}, fmt.Errorf("dual register: %w", err)
	}
	switch {
	case p.Kind != Student || p.State(DateOf(w.now)) != Current || p.Registration == nil:
		return Report{}, fmt.Errorf("dual register: person %s is no current pupil", pupil)
	case i == j || w.isAt(j, p.Human()):
		return Report{}, fmt.Errorf("dual register: person %s is at school %s already", pupil, other)
	case !w.suits(w.rolls[j], p.Year):
		return Report{}, fmt.Errorf("dual register: school %s has no year %d", other, p.Year)
	}
	r, d := w.begin()
	w.dual(r, d, i, j, p)
	return *r, nil
}

func (w *World) isAt(site int, human uuid.UUID) bool {
	for _, list := range w.rolls[site].people {
		if slices.ContainsFunc(list, func(p *Person) bool { return p.Human() == human }) {
			return true
		}
	}
	return false
}

func (w *World) dual(r *Report, d dice, from, to int, p *Person) {
	a, b := w.draft(w.rolls[from], d), w.draft(w.rolls[to], d)
	q := a.second(p, b)
	q.Start = b.today
	w.rolls[from], w.rolls[to] = a.commit(), b.commit()
	r.People = append(r.People, q.ID, p.ID)
	r.happened(DualReg, "%s of %s is now registered at %s as well", p.Name(), a.Site.Name, b.Site.Name)
}

// Withdraw takes back a school's consent.
func (w *World) Withdraw(site uuid.UUID) (Report, error) {
	return w.consent("withdraw", site, Withdrawn, ConsentGone, "%s withdraws its consent")
}

// Consent gives a school's consent, again or for the first time.
func (w *World) Consent(site uuid.UUID) (Report, error) {
	return w.consent("consent", site, Authorised, ConsentGiven, "%s gives its consent")
}

func (w *World) consent(step string, site uuid.UUID, state int, event Event, line string) (Report, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i, err := w.siteIndex(site)
	if err != nil {
		return Report{}, fmt.Errorf("%s: %w", step, err)
	}
	return w.at(i, func(e *draft, r *Report) error {
		e.Site.Authorised = state
		r.happened(event, line, e.Site.Name)
		return nil
	})
}
