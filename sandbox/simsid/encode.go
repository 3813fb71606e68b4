package simsid

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/google/uuid"

	"simscim/sandbox/world"
)

// object writes one JSON object field by field. A school's list is rendered over
// and over by tests and benchmarks, so it does without reflection.
type object struct{ b []byte }

func (o *object) name(name string) {
	if len(o.b) == 0 {
		o.b = append(o.b, '{')
	} else {
		o.b = append(o.b, ',')
	}
	o.b = append(append(append(o.b, '"'), name...), '"', ':')
}

func (o *object) null(name string)       { o.name(name); o.b = append(o.b, "null"...) }
func (o *object) int(name string, n int) { o.name(name); o.b = strconv.AppendInt(o.b, int64(n), 10) }
func (o *object) str(name, s string)     { o.name(name); o.b = appendString(o.b, s) }

// opt writes an empty string as null.
func (o *object) opt(name, s string) {
	if s == "" {
		o.null(name)
		return
	}
	o.str(name, s)
}

func (o *object) id(name string, id uuid.UUID) { o.name(name); o.b = appendID(o.b, id) }

func (o *object) date(name string, d world.Date) {
	if d == 0 {
		o.null(name)
		return
	}
	o.str(name, d.String())
}

func (o *object) raw(name string, v []byte) { o.name(name); o.b = append(o.b, v...) }

func (o *object) end() []byte { return append(o.b, '}') }

func appendID(b []byte, id uuid.UUID) []byte {
	b = append(b, '"')
	text, _ := id.MarshalText() // never fails
	return append(append(b, text...), '"')
}

func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c == 0x7f {
			return appendEscaped(b, s)
		}
	}
	if !utf8.ValidString(s) {
		return appendEscaped(b, s)
	}
	return append(append(append(b, '"'), s...), '"')
}

func appendEscaped(b []byte, s string) []byte {
	text, _ := json.Marshal(s) // a string always encodes
	return append(b, text...)
}

// ref writes a group as a person's record shows it. A tutor's is marked as such.
func (o *object) ref(name string, g *world.Group, tutor bool) {
	if g == nil {
		o.null(name)
		return
	}
	var r object
	r.id("id", g.ID)
	r.str("name", g.Name)
	if tutor {
		r.str("role", "Teacher")
	}
	o.raw(name, r.end())
}

func roleOf(teacher bool) string {
	if teacher {
		return "Teacher"
	}
	return "Member"
}

func encodePerson(p *world.Person, today world.Date) []byte {
	o := object{make([]byte, 0, 900+100*len(p.Classes))}
	o.id("externalId", p.ID)
	o.str("personType", p.Kind.String())
	o.opt("forename", p.Given)
	o.opt("surname", p.Family)
	if p.Kind == world.Contact {
		o.opt("email", p.Email)
		return o.end()
	}
	o.str("preferredForename", p.PreferredGiven)
	o.str("preferredSurname", p.PreferredFamily)
	o.opt("ageRange", p.AgeBand(today))
	o.str("onRollState", p.State(today).String())
	o.date("startDate", p.Start)
	o.date("leavingDate", p.End)
	o.ref("yearGroup", p.YearGroup, false)
	o.ref("registrationGroup", p.Registration, p.Kind == world.Staff)
	o.ref("house", p.House, false)
	o.name("classes")
	o.b = append(o.b, '[')
	for i, m := range p.Classes {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = append(appendID(append(o.b, `{"id":`...), m.Group.ID), `,"name":`...)
		o.b = append(appendString(o.b, m.Group.Name), `,"role":"`...)
		o.b = append(append(o.b, roleOf(m.Teacher)...), `"}`...)
	}
	o.b = append(o.b, ']')
	o.opt("email", p.Email)
	o.null("username")
	if p.Master == uuid.Nil {
		o.null("masterId")
	} else {
		o.id("masterId", p.Master)
	}
	switch {
	case p.Kind == world.Student:
		o.null("roles")
	case p.Teaching:
		o.raw("roles", []byte(`["Teaching"]`))
	default:
		o.raw("roles", []byte(`["Support"]`))
	}
	return o.end()
}

func encodeGroup(g *world.Group) []byte {
	var o object
	o.id("externalId", g.ID)
	o.str("type", g.Kind.String())
	o.str("shortName", g.Short)
	o.str("name", g.Name)
	o.opt("subject", g.Subject)
	o.opt("yearGroup", g.Year)
	o.date("startDate", g.Start)
	o.date("endDate", g.End)
	return o.end()
}

func encodeMember(p *world.Person, teacher bool) []byte {
	var o object
	o.id("externalId", p.ID)
	o.str("personType", p.Kind.String())
	o.str("role", roleOf(teacher))
	return o.end()
}
