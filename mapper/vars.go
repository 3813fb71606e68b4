package mapper

import (
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"simscim/roster"
)

// Variable documents one variable that rules may use.
type Variable struct {
	Name string
	Doc  string
	// Fields are set for person, site and group.
	Fields []Field
	typ    *cel.Type
}

// Field documents one field of a variable.
type Field struct {
	Name, Type, Doc string
	// needs are the names of the fields of the source that it is made of, where that
	// is more than itself.
	needs []string
	typ   *cel.Type
	get   func(view any) any
	isSet func(view any) bool
}

// personView is what the variable person stands for: a record, and the day it is
// looked at on.
type personView struct {
	*roster.Person
	academicYear int
}

// siteView is what the variable site stands for.
type siteView struct {
	roster.Site
	vars map[string]string
}

// Names of the CEL types of our variables. The characters keep rules from naming
// them, and so from making values of them.
const (
	personType = "simscim.Person"
	siteType   = "simscim.Site"
	groupType  = "simscim.Group"
)

// Variables lists what rules may use, in the order of the reference page.
func Variables() []Variable {
	return []Variable{
		{Name: "person", typ: cel.ObjectType(personType), Fields: personFields(), Doc: "The person that the rule is about. In the rules for accounts, in members, and in include and by of derived groups."},
		{Name: "site", typ: cel.ObjectType(siteType), Fields: siteFields(), Doc: "The school."},
		{Name: "group", typ: cel.ObjectType(groupType), Fields: groupFields(), Doc: "The school's own group that the rule is about. In rules of groups with from."},
		{Name: "role", typ: cel.StringType, Doc: "What the person is in the group: 'member' or 'teacher'. In members."},
		{Name: "value", typ: cel.StringType, Doc: "The value of by that the derived group is for. In displayName and attributes of groups with by."},
		{Name: "userName", typ: cel.StringType, Doc: "The user name that was issued to the person. In every attribute of an account except userName itself."},
		{Name: "academicYear", typ: cel.IntType, Doc: "The calendar year in which the present academic year began, by the school's own first day of the year where it is known, else 1 September."},
		{Name: "today", typ: cel.StringType, Doc: "The day on which the roll was read, as YYYY-MM-DD; dates in this form compare in order."},
	}
}

func personFields() []Field {
	text := func(name, doc string, get func(p personView) string, needs ...string) Field {
		return textField(name, doc, func(v any) string { return get(*v.(*personView)) }, needs)
	}
	list := func(name, doc string, get func(p personView) []string) Field {
		return Field{
			Name: name, Type: "list of string", Doc: doc, typ: cel.ListType(cel.StringType),
			get:   func(v any) any { return get(*v.(*personView)) },
			isSet: func(v any) bool { return len(get(*v.(*personView))) > 0 },
		}
	}
	entry := func(p personView) int {
		if p.EntryYear != 0 {
			return p.EntryYear
		}
		return roster.EntryYearOf(p.YearGroup, p.academicYear)
	}
	return []Field{
		text("id", "The source's id of the person.", func(p personView) string { return p.ID }),
		text("kind", "'student', 'staff' or 'contact'.", func(p personView) string { return string(p.Kind) }),
		text("state", "'current', 'future' or 'leaver'.", func(p personView) string { return string(p.State) }),
		text("givenName", "The legal given name.", func(p personView) string { return p.GivenName }),
		text("familyName", "The legal family name.", func(p personView) string { return p.FamilyName }),
		text("preferredGivenName", "The preferred given name, or the legal one where none is kept.", func(p personView) string {
			return orElse(p.PreferredGivenName, p.GivenName)
		}, "preferredGivenName", "givenName"),
		text("preferredFamilyName", "The preferred family name, or the legal one where none is kept.", func(p personView) string {
			return orElse(p.PreferredFamilyName, p.FamilyName)
		}, "preferredFamilyName", "familyName"),
		text("yearGroup", "'N1', 'N2', 'R' or '1' to '14'.", func(p personView) string { return p.YearGroup }),
		{
			Name: "entryYear", Type: "int", typ: cel.IntType, needs: []string{"entryYear", "yearGroup"},
			Doc:   "The calendar year in which the cohort entered Reception, worked out from the year group where the source does not say; 0 when unknown.",
			get:   func(v any) any { return types.Int(entry(*v.(*personView))) },
			isSet: func(v any) bool { return entry(*v.(*personView)) != 0 },
		},
		text("ageBand", "The age band, as the source writes it.", func(p personView) string { return p.AgeBand }),
		text("registration", "The name of the registration group.", func(p personView) string { return p.Registration }),
		text("house", "The name of the house.", func(p personView) string { return p.House }),
		list("classes", "The names of the classes, sorted.", func(p personView) []string { return p.Classes }),
		list("roles", "What the source says of the person's part, such as 'teaching'.", func(p personView) []string { return p.Roles }),
		text("email", "The address that the school keeps.", func(p personView) string { return p.Email }),
		text("username", "The user name that the source keeps.", func(p personView) string { return p.Username }),
		{
			Name: "identifiers", Type: "map of string", typ: cel.MapType(cel.StringType, cel.StringType),
			Doc:   "Further ids by type, such as person.identifiers.upn; empty for a type that the person has not.",
			get:   func(v any) any { return texts(v.(*personView).Identifiers) },
			isSet: func(v any) bool { return len(v.(*personView).Identifiers) > 0 },
		},
		text("begin", "The first day, as YYYY-MM-DD.", func(p personView) string { return day(p.Begin) }),
		text("end", "The last day, as YYYY-MM-DD.", func(p personView) string { return day(p.End) }),
	}
}

func siteFields() []Field {
	text := func(name, doc string, get func(s *siteView) string) Field {
		return textField(name, doc, func(v any) string { return get(v.(*siteView)) }, nil)
	}
	return []Field{
		text("id", "The source's id of the school.", func(s *siteView) string { return s.ID }),
		text("name", "The name of the school.", func(s *siteView) string { return s.Name }),
		text("dfe", "The DfE number, seven digits.", func(s *siteView) string { return s.DfE }),
		text("phase", "The phase, as the source writes it.", func(s *siteView) string { return s.Phase }),
		text("source", "The name of the source in the configuration.", func(s *siteView) string { return s.Source }),
		{
			Name: "vars", Type: "map of string", Doc: "The values that the site's entry in the configuration sets, as site.vars.NAME.",
			typ:   cel.MapType(cel.StringType, cel.StringType),
			get:   func(v any) any { return texts(v.(*siteView).vars) },
			isSet: func(v any) bool { return len(v.(*siteView).vars) > 0 },
		},
	}
}

func groupFields() []Field {
	text := func(name, doc string, get func(g *roster.Group) string) Field {
		return textField(name, doc, func(v any) string { return get(v.(*roster.Group)) }, nil)
	}
	return []Field{
		text("kind", "'year', 'registration', 'house' or 'class'.", func(g *roster.Group) string { return string(g.Kind) }),
		text("id", "The source's id of the group.", func(g *roster.Group) string { return g.ID }),
		text("name", "The name of the group.", func(g *roster.Group) string { return g.Name }),
		text("shortName", "The school's code for it.", func(g *roster.Group) string { return g.ShortName }),
		text("subject", "The subject of a class.", func(g *roster.Group) string { return g.Subject }),
		text("yearGroup", "The year group that it belongs to.", func(g *roster.Group) string { return g.YearGroup }),
	}
}

func textField(name, doc string, get func(view any) string, needs []string) Field {
	return Field{
		Name: name, Type: "string", Doc: doc, typ: cel.StringType, needs: needs,
		get:   func(v any) any { return types.String(get(v)) },
		isSet: func(v any) bool { return get(v) != "" },
	}
}

func orElse(a, b string) string {
	if strings.TrimSpace(a) != "" {
		return a
	}
	return b
}

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}
