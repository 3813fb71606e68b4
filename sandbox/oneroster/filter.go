package oneroster

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"
)

// clause is one comparison of a filter.
type clause struct {
	path  []string
	op    string
	value string
}

// filter is one clause, or two joined by AND or OR.
type filter struct {
	clauses []clause
	or      bool
}

// operators, the longer ones first, so that >= is not read as >.
func operators() []string { return []string{"!=", ">=", "<=", "=", ">", "<", "~"} }

// parseFilter reads <field><op>'<value>', and two of them joined by " AND " or " OR ".
// A quote inside a value is doubled. Fields are checked against those that the kind has.
func parseFilter(text string, k kind, v Version) (*filter, *problem) {
	var f filter
	rest, joined := text, ""
	for {
		c, after, wrong := parseClause(rest)
		if wrong != nil {
			return nil, wrong
		}
		if !known(k, v, c.path) {
			return nil, &problem{http.StatusBadRequest, "invalid_filter_field", "the filter has a field that there is not"}
		}
		f.clauses = append(f.clauses, c)
		if after == "" {
			break
		}
		if joined != "" {
			return nil, bad("a filter has two clauses at most")
		}
		var ok bool
		for _, word := range []string{" AND ", " OR "} {
			if rest, ok = strings.CutPrefix(after, word); ok {
				joined = word
				break
			}
		}
		if joined == "" {
			return nil, bad("clauses are joined by AND or OR")
		}
	}
	f.or = joined == " OR "
	return &f, nil
}

func parseClause(text string) (c clause, rest string, wrong *problem) {
	at := strings.IndexAny(text, "!=<>~")
	if at <= 0 {
		return c, "", bad("a filter is a field, an operator and a value in single quotes")
	}
	c.path = strings.Split(text[:at], ".")
	rest = text[at:]
	i := slices.IndexFunc(operators(), func(op string) bool { return strings.HasPrefix(rest, op) })
	if i < 0 {
		return c, "", bad("the operators are = != > >= < <= ~")
	}
	c.op = operators()[i]
	rest, ok := strings.CutPrefix(rest[len(c.op):], "'")
	if !ok {
		return c, "", bad("the value of a filter stands in single quotes")
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(rest, "'")
		if !found {
			return c, "", bad("the value of a filter stands in single quotes")
		}
		b.WriteString(before)
		if rest, ok = strings.CutPrefix(after, "'"); !ok {
			c.value = b.String()
			return c, after, nil
		}
		b.WriteByte('\'')
	}
}

// dotted tells whether a clause is one that some services cannot do.
func (f *filter) dotted(k kind) bool {
	return slices.ContainsFunc(f.clauses, func(c clause) bool { return len(c.path) > 1 || slices.Contains(lists(k), c.path[0]) })
}

func (f *filter) match(o object, on switches) bool {
	for _, c := range f.clauses {
		if ok := c.match(o, on); ok == f.or {
			return f.or
		}
	}
	return !f.or
}

// match holds for a list if it holds for one of its elements, but != if it holds for
// all. A value that is not there is unlike every other.
func (c *clause) match(o object, on switches) bool {
	values := o.texts(c.path)
	if c.op == "!=" {
		return !slices.ContainsFunc(values, func(v string) bool { return compareText(v, c.value) == 0 })
	}
	return slices.ContainsFunc(values, func(v string) bool {
		n := compareText(v, c.value)
		switch c.op {
		case "=":
			return n == 0
		case ">":
			return n > 0 || n == 0 && on.has(StrictDates)
		case ">=":
			return n >= 0
		case "<":
			return n < 0 || n == 0 && on.has(StrictDates)
		case "<=":
			return n <= 0
		default:
			return strings.Contains(strings.ToLower(v), strings.ToLower(c.value))
		}
	})
}

// compareText compares moments and days by time, all else without regard to case.
func compareText(a, b string) int {
	if x, ok := moment(a); ok {
		if y, ok := moment(b); ok {
			return x.Compare(y)
		}
	}
	return cmp.Compare(strings.ToLower(a), strings.ToLower(b))
}

func moment(s string) (time.Time, bool) {
	if len(s) < len(time.DateOnly) || s[4] != '-' {
		return time.Time{}, false
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// fieldsOf are the fields that a kind has in a version, whether the sandbox fills them
// or not.
func fieldsOf(k kind, v Version) []string {
	own := map[kind]string{
		orgKind:          "name type identifier parent children",
		sessionKind:      "title startDate endDate type parent children schoolYear",
		courseKind:       "title schoolYear courseCode grades subjects org subjectCodes resources",
		classKind:        "title classCode classType location grades subjects course school terms subjectCodes periods resources",
		demographicsKind: "birthDate sex countryOfBirthCode stateOfBirthAbbreviation cityOfBirth publicSchoolResidenceStatus",
		enrolmentKind:    "user class school role primary beginDate endDate",
		userKind:         "username userIds enabledUser givenName familyName middleName identifier email sms phone agents grades password",
	}[k]
	if k == userKind && v == V11 {
		own += " role orgs"
	}
	if k == userKind && v == V12 {
		own += " userMasterIdentifier preferredFirstName preferredMiddleName preferredLastName pronouns roles userProfiles primaryOrg resources"
	}
	return append(strings.Fields(own), "sourcedId", "status", "dateLastModified", "metadata")
}

func lists(k kind) []string {
	return map[kind][]string{
		orgKind: {"children"}, sessionKind: {"children"}, courseKind: {"grades", "subjects", "subjectCodes"},
		classKind: {"grades", "subjects", "terms", "subjectCodes", "periods"}, userKind: {"userIds", "agents", "orgs", "grades", "roles", "userProfiles"},
	}[k]
}

// known tells whether a path leads somewhere. What lies below a reference is its id,
// type and href; metadata may hold anything.
func known(k kind, v Version, path []string) bool {
	if len(path) == 0 || len(path) > 3 || !slices.Contains(fieldsOf(k, v), path[0]) {
		return false
	}
	if len(path) == 1 || path[0] == "metadata" {
		return true
	}
	below := map[string][]string{
		"userIds": {"type", "identifier"}, "roles": {"roleType", "role", "org", "userProfile", "beginDate", "endDate"},
		"userProfiles": {"profileId", "profileType", "vendorId", "applicationId"},
		"grades":       {}, "subjects": {}, "subjectCodes": {}, "periods": {},
	}
	names, special := below[path[0]]
	if special {
		return slices.Contains(names, path[1]) && (len(path) == 2 || path[1] == "org" && path[2] == "sourcedId")
	}
	reference := slices.Contains([]string{"parent", "children", "org", "orgs", "school", "course", "terms", "user", "class", "agents", "primaryOrg", "schoolYear"}, path[0])
	return reference && len(path) == 2 && (path[1] == "sourcedId" || path[1] == "type")
}
