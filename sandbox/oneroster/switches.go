package oneroster

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Switch is one way in which a service keeps OneRoster's standard in its own manner,
// or keeps it not. Any number may be on at once.
type Switch string

// The switches.
const (
	Booleans           Switch = "booleans"
	RefsAsIDs          Switch = "refs-as-ids"
	RelativeHrefs      Switch = "relative-hrefs"
	TildeHrefs         Switch = "tilde-hrefs"
	WrongHrefs         Switch = "wrong-hrefs"
	EmptyParent        Switch = "empty-parent"
	FiltersIgnored     Switch = "dotted-filters-ignored"
	FiltersRefused     Switch = "dotted-filters-refused"
	AllFiltersIgnored  Switch = "filters-ignored"
	NoLink             Switch = "no-link"
	NoTotal            Switch = "no-total"
	NoEnvelopes        Switch = "no-envelope"
	NoTombstones       Switch = "no-tombstones"
	InactiveStatus     Switch = "inactive-status"
	CustomStatus       Switch = "custom-status"
	EmptyUsername      Switch = "empty-username"
	NoEmail            Switch = "no-email"
	NullText           Switch = "null-text"
	MergedUsers        Switch = "merged-users"
	Dangling           Switch = "dangling"
	LimitCap           Switch = "limit-cap"
	StaleDates         Switch = "stale-dates"
	NoDates            Switch = "no-dates"
	EarlyPurge         Switch = "early-purge"
	StrictDates        Switch = "strict-dates"
	Overloaded         Switch = "overloaded"
	CoolDown           Switch = "cool-down"
	Login              Switch = "login"
	Secrets            Switch = "secrets"
	NullLists          Switch = "null-lists"
	NumericIdentifiers Switch = "numeric-identifiers"
	BareErrors         Switch = "bare-errors"
	EmptyNoContent     Switch = "empty-204"
	SortIgnored        Switch = "sort-ignored"
	SortRefused        Switch = "sort-refused"
	FieldsIgnored      Switch = "fields-ignored"
	NoRelations        Switch = "no-relations"
	MixedVersions      Switch = "v1p2-under-v1p1"
	KGYearOne          Switch = "grades-kg"
	KGReception        Switch = "grades-kg-reception"
	PlainGrades        Switch = "grades-plain"
	HouseClasses       Switch = "houses-as-classes"
	DisabledLeavers    Switch = "leavers-disabled"
	MasterInUserIDs    Switch = "user-ids-master"
	OldClasses         Switch = "last-years-classes"
	CourseSubjects     Switch = "subjects-of-courses"
	MoreOrgs           Switch = "more-orgs"
)

// About is a switch and what it does, for people.
type About struct {
	Switch Switch `json:"name"`
	// Number in the list of deviations that have been seen, 0 for others.
	Number int    `json:"number,omitempty"`
	Does   string `json:"does"`
	// Records tells that it shows in files too.
	Records bool `json:"records,omitempty"`
}

// Switches lists all of them.
func Switches() []About {
	return []About{
		{Booleans, 1, "enabledUser and primary are JSON booleans", false},
		{RefsAsIDs, 2, "references are plain id strings", false},
		{RelativeHrefs, 2, "hrefs of references begin with a slash", false},
		{TildeHrefs, 2, "hrefs of references begin with ~/", false},
		{WrongHrefs, 2, "hrefs of references lead to another host", false},
		{EmptyParent, 2, "an organisation without a parent has the parent {}", false},
		{FiltersIgnored, 3, "filters on lists and dotted fields are ignored", false},
		{FiltersRefused, 3, "filters on lists and dotted fields are refused with 400", false},
		{AllFiltersIgnored, 3, "all filters are ignored", false},
		{NoLink, 4, "there is no Link header", false},
		{NoTotal, 4, "there is no X-Total-Count header", false},
		{NoEnvelopes, 5, "lists are 200 without the envelope's key", false},
		{NoTombstones, 6, "leavers and what else has gone vanish; the status is always active", true},
		{InactiveStatus, 7, "leavers have the status inactive", true},
		{CustomStatus, 7, "leavers have the status archived", true},
		{EmptyUsername, 8, "username is empty", true},
		{NoEmail, 8, "email is missing", true},
		{NullText, 8, `a missing email is the text "NULL"`, true},
		{MergedUsers, 9, "people with records at two schools are one user with two organisations, not two users", true},
		{Dangling, 10, "each school has enrolments of an unknown class, an unknown user and an unknown school", true},
		{LimitCap, 11, "a page holds at most 50 records, or as many as limit-cap=N says, whatever the limit asked for", false},
		{StaleDates, 12, "dateLastModified stays as it was when the service began", false},
		{NoDates, 12, "there is no dateLastModified", false},
		{EarlyPurge, 12, "what has gone is told for a day only, not for sixty", false},
		{StrictDates, 12, "filters take >= for > and <= for <", false},
		{Overloaded, 13, "lists with a limit above 200 are answered with 504", false},
		{CoolDown, 13, "five lists at most are served in a second, then 429 with Retry-After", false},
		{Login, 14, "there is no token endpoint; POST /login with clientid and clientsecret gives a token and a cookie", false},
		{Secrets, 15, "users have passwords and phone numbers", true},
		{NullLists, 0, "empty lists are null", false},
		{NumericIdentifiers, 0, "identifiers of organisations are JSON numbers", false},
		{BareErrors, 0, "the keys of error bodies have no imsx_ before them", false},
		{EmptyNoContent, 0, "an empty list is 204 without a body", false},
		{SortIgnored, 0, "lists are not sorted, with a warning", false},
		{SortRefused, 0, "sorting is refused with 400", false},
		{FieldsIgnored, 0, "fields is ignored", false},
		{NoRelations, 0, "only the collections are there, not what lies below a school or a class", false},
		{MixedVersions, 0, "version 1.2's records are served under version 1.1's path", false},
		{KGYearOne, 0, "TK is Reception, KG is Year 1, 01 is Year 2 and so on", true},
		{KGReception, 0, "KG is Reception, 01 is Year 1 and so on", true},
		{PlainGrades, 0, "Year 1 is 1, not 01", true},
		{HouseClasses, 0, `houses are classes called "House" and the name, not metadata`, true},
		{DisabledLeavers, 0, "leavers are active users with enabledUser false, and the end of their role in version 1.2", true},
		{MasterInUserIDs, 0, "userIds tell the identity that people's records at two schools share, in both versions", true},
		{OldClasses, 0, "last year's classes are still there, with last year's terms and ended enrolments", true},
		{CourseSubjects, 0, "classes do not tell their subjects, their courses do", true},
		{MoreOrgs, 0, "a district has a local organisation above it, and schools have departments", true},
	}
}

// defaultCap is the page size of limit-cap without a number.
const defaultCap = 50

// switches is a set of them, with the values that some take.
type switches map[Switch]int

func (s switches) has(name Switch) bool { _, on := s[name]; return on }

// parse reads names such as "no-link" and "limit-cap=25".
func parse(names []string) (switches, error) {
	all, on := Switches(), switches{}
	for _, text := range names {
		name, value, valued := strings.Cut(text, "=")
		if !slices.ContainsFunc(all, func(a About) bool { return a.Switch == Switch(name) }) {
			return nil, fmt.Errorf("set deviations: there is no deviation %q", name)
		}
		n := 1
		if Switch(name) == LimitCap {
			n = defaultCap
		}
		if valued {
			var err error
			if n, err = strconv.Atoi(value); err != nil || n < 1 || Switch(name) != LimitCap {
				return nil, fmt.Errorf("set deviations: %q takes no value %q", name, value)
			}
		}
		on[Switch(name)] = n
	}
	return on, nil
}

// names are the switches that are on, in the order of Switches.
func (s switches) names() []string {
	out := []string{}
	for _, a := range Switches() {
		n, on := s[a.Switch]
		switch {
		case on && a.Switch == LimitCap:
			out = append(out, fmt.Sprintf("%s=%d", a.Switch, n))
		case on:
			out = append(out, string(a.Switch))
		}
	}
	return out
}
