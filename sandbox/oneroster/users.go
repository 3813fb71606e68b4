package oneroster

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/google/uuid"

	"simscim/sandbox/world"
)

// user writes a person. Version 1.1 has one role and several organisations, 1.2 a list
// of roles.
func (t *trust) user(o *object, r *record) {
	p, v := r.person, t.version
	if v == V12 && p.Master != uuid.Nil {
		o.set("userMasterIdentifier", p.Master.String())
	}
	if house := houseOf(p); house != "" && !t.on.has(HouseClasses) {
		o.set("metadata", object{{"house", house}})
	}
	t.username(o, p)
	ids := []object{}
	if t.on.has(MasterInUserIDs) && p.Master != uuid.Nil {
		ids = append(ids, object{{"type", "master"}, {"identifier", p.Master.String()}})
	}
	o.set("userIds", ids)
	o.set("enabledUser", flag(t.enabled(r)))
	// Both names must be there; people with one name have the other empty.
	o.set("givenName", p.Given)
	o.set("familyName", p.Family)
	if v == V12 {
		o.opt("preferredFirstName", p.PreferredGiven)
		o.opt("preferredLastName", p.PreferredFamily)
		o.set("roles", t.roles(r))
		o.set("userProfiles", t.profiles(r))
		o.set("primaryOrg", ref{r.school.roll.Site.ID, orgKind})
	} else {
		o.set("role", roleOf(p, v))
		o.refs("orgs", orgKind, t.orgsOf(r)...)
	}
	switch {
	case t.on.has(NoEmail):
	case p.Email == "" && t.on.has(NullText):
		o.set("email", "NULL")
	default:
		o.opt("email", p.Email)
	}
	if t.on.has(Secrets) {
		o.set("sms", phone(p))
		o.set("phone", phone(p))
		o.set("password", password(p))
	}
	o.refs("agents", userKind, t.agentsOf(r)...)
	o.set("grades", t.gradesOf(p))
}

// username must be there in version 1.1: the address, or the id of who has none.
func (t *trust) username(o *object, p *world.Person) {
	switch {
	case t.on.has(EmptyUsername):
		o.set("username", "")
	case p.Email == "" && t.on.has(NullText):
		o.set("username", "NULL")
	case t.version == V11 && p.Email == "":
		o.set("username", p.ID.String())
	default:
		o.opt("username", p.Email)
	}
}

// enabled is false for who has left. Version 1.1 has no other way to tell that a
// member of staff is still to come, as they are in no class.
func (t *trust) enabled(r *record) bool {
	for _, one := range t.records(r) {
		switch one.person.State(one.school.day) {
		case world.Current:
			return true
		case world.Future:
			if one.person.Kind == world.Student || t.version == V12 {
				return true
			}
		}
	}
	return false
}

// here are the records of a human that count: those of leavers only if there are no
// others.
func (t *trust) here(r *record) []*record {
	var out []*record
	for _, one := range t.records(r) {
		if one.person.State(one.school.day) != world.Leaver {
			out = append(out, one)
		}
	}
	if len(out) == 0 {
		return t.records(r)
	}
	return out
}

func (t *trust) orgsOf(r *record) []uuid.UUID {
	var out []uuid.UUID
	for _, one := range t.here(r) {
		out = append(out, one.school.roll.Site.ID)
	}
	return out
}

// agentsOf are a pupil's contacts, and a contact's pupil.
func (t *trust) agentsOf(r *record) []uuid.UUID {
	var out []uuid.UUID
	for _, one := range t.here(r) {
		if one.person.Kind == world.Contact {
			if pupil, ok := one.school.roll.Person(one.person.Of); ok && one.school.listed(pupil) {
				out = append(out, one.school.userID(pupil))
			}
		}
		out = append(out, one.school.agents[one.person.ID]...)
	}
	return out
}

func (t *trust) gradesOf(p *world.Person) []string {
	if p.Kind != world.Student {
		return []string{}
	}
	return []string{t.on.grade(int(p.Year))}
}

func (t *trust) roles(r *record) []object {
	out := []object{}
	for i, one := range t.records(r) {
		kind := "primary"
		if i > 0 {
			kind = "secondary"
		}
		o := object{{"roleType", kind}, {"role", roleOf(one.person, V12)}, {"org", ref{one.school.roll.Site.ID, orgKind}}}
		if id := profileID(one.person); one.person.Kind != world.Contact {
			o.set("userProfile", id.String())
		}
		if one.person.Start != 0 {
			o.set("beginDate", one.person.Start.String())
		}
		if one.person.End != 0 {
			o.set("endDate", one.person.End.String())
		}
		out = append(out, o)
	}
	return out
}

func profileID(p *world.Person) uuid.UUID { return derived(p.ID, "profile") }

// profiles are the accounts that people have at the source itself; contacts have none.
func (t *trust) profiles(r *record) []object {
	out := []object{}
	for _, one := range t.records(r) {
		p := one.person
		if p.Kind == world.Contact {
			continue
		}
		o := object{
			{"profileId", profileID(p).String()},
			{"profileType", "SIS"},
			{"vendorId", "simscim-sandbox"},
			{"applicationId", "register"},
			{"description", "Account of the school's own system"},
		}
		if t.on.has(Secrets) {
			o.set("credentials", []object{{{"type", "basic"}, {"username", p.ID.String()}, {"password", password(p)}}})
		}
		out = append(out, o)
	}
	return out
}

// phone is one of the numbers that Ofcom keeps for drama.
func phone(p *world.Person) string {
	return fmt.Sprintf("07700 900%03d", (int(p.ID[0])<<8|int(p.ID[1]))%1000)
}

// password is what must never be seen anywhere else.
func password(p *world.Person) string {
	sum := sha256.Sum256(p.ID[:])
	return "canary-" + hex.EncodeToString(sum[:6])
}
