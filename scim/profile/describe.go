package profile

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"simscim/scim"
	"simscim/scim/client"
)

// Trait is one thing to know of a server, for people.
type Trait struct{ Name, Value string }

// The names of the traits that stand in the table of all profiles.
const (
	traitKinds        = "resources"
	traitPatch        = "PATCH"
	traitPut          = "PUT"
	traitLeaving      = "leavers"
	traitMembers      = "members per request"
	traitShown        = "members shown"
	traitRename       = "groups renamed"
	traitUserFilters  = "users found by"
	traitGroupFilters = "groups found by"
	traitPaging       = "paging"
	traitBulk         = "bulk"
	traitETag         = "ETag"
	traitRate         = "calls"
	traitAsk          = "discovery"
)

// Describe tells what the server can do: the same traits in the same order for every
// profile.
func (p *Profile) Describe() []Trait {
	traits := []Trait{
		{traitKinds, p.kinds(p.Users, p.Groups)},
		{traitPatch, p.kinds(p.Patch, p.PatchGroups)},
		{traitPut, p.kinds(p.Put, p.PutGroups)},
		{"PATCH dialect", p.dialect()},
		{traitLeaving, p.leaving()},
		{traitMembers, p.ofGroups(p.members())},
		{traitShown, p.ofGroups(yes(p.MembersReadable, "never"))},
		{traitRename, p.ofGroups(yes(p.GroupRename, "no"))},
		{"groups in groups", p.ofGroups(yes(p.NestedGroups, "no"))},
		{"group attributes changed", p.ofGroups(paths(p.GroupPaths, "all"))},
		{traitUserFilters, paths(p.FilterUsers, "listing all")},
		{traitGroupFilters, p.ofGroups(paths(p.FilterGroups, "listing all"))},
		{"POST /.search", yes(p.Search, "no")},
		{"listed whole", yes(!p.FilterNeeded, "never")},
		{traitPaging, p.pages()},
		{traitBulk, p.Bulk.describe()},
		{traitETag, yes(p.ETag, "no")},
		{"users need", paths(p.RequiredUser, "nothing")},
		{"groups need", p.ofGroups(paths(p.RequiredGroup, "nothing"))},
		{"user attributes kept", paths(p.UserPaths, "all that are sent")},
		{"price per call", price(p.PricePerCall)},
		{"password needed", yes(p.PasswordRequired, "no")},
		{"values in a list", map[bool]string{true: "one", false: "several"}[p.OneValue]},
		{"name taken", p.conflict()},
		{"headers", p.headers()},
		{traitRate, p.Rate.describe()},
		{"timeout", p.patience()},
		{traitAsk, yes(p.Ask, "no")},
	}
	return traits
}

func yes(b bool, otherwise string) string {
	if b {
		return "yes"
	}
	return otherwise
}

func (p *Profile) kinds(users, groups bool) string {
	groups = groups && p.Groups
	switch {
	case users && groups:
		return "users and groups"
	case users:
		return "users"
	case groups:
		return "groups"
	default:
		return "none"
	}
}

// ofGroups hides what matters only where there are groups.
func (p *Profile) ofGroups(s string) string {
	if !p.Groups {
		return "–"
	}
	return s
}

func (p *Profile) dialect() string {
	words := []string{"members taken out by path"}
	if p.Style.MembersByValue {
		words[0] = "members taken out by values"
	}
	for _, form := range []struct {
		on   bool
		word string
	}{
		{p.Style.MembersInObject, "members in an object"},
		{p.Style.TitleCase, "operations capitalised"},
		{p.Style.StringBooleans, "booleans as text"},
	} {
		if form.on {
			words = append(words, form.word)
		}
	}
	return strings.Join(words, ", ")
}

func (p *Profile) leaving() string {
	switch {
	case p.Suspend && p.Delete:
		return "suspended, then deleted"
	case p.Suspend:
		return "suspended"
	case p.Delete:
		return "deleted"
	default:
		return "left alone"
	}
}

func (p *Profile) members() string {
	s := fmt.Sprintf("%s on creation, %s in, %s out", count(p.MembersPerCreate), count(p.MembersPerAdd), count(p.MembersPerRemove))
	if !p.MixAddRemove {
		s += ", never mixed"
	}
	return s
}

func (p *Profile) pages() string {
	if p.Paging == client.NoPaging {
		return "none"
	}
	return fmt.Sprintf("%s, %s a page", p.Paging, count(p.PageMax))
}

func (p *Profile) conflict() string {
	statuses := []string{"409"}
	for _, status := range p.ConflictStatus {
		statuses = append(statuses, strconv.Itoa(status))
	}
	return strings.Join(statuses, ", ")
}

func (p *Profile) headers() string {
	return fmt.Sprintf("Accept %s, Content-Type %s, User-Agent %s",
		cmp.Or(p.Accept, scim.MediaType), cmp.Or(p.ContentType, scim.MediaType), cmp.Or(p.UserAgent, "of any kind"))
}

func (p *Profile) patience() string {
	if p.Timeout == 0 {
		return "as configured"
	}
	return p.Timeout.String()
}

func (b Bulk) describe() string {
	if b.Operations == 0 {
		return "none"
	}
	s := count(b.Operations) + " operations, " + size(b.Bytes)
	if b.References {
		s += ", references"
	}
	return s
}

func (r Rate) describe() string {
	var limits []string
	if r.PerSecond > 0 {
		limits = append(limits, strconv.FormatFloat(r.PerSecond, 'g', 3, 64)+" a second")
	}
	for _, limit := range []struct {
		n    int
		unit string
	}{{r.PerMinute, " a minute"}, {r.PerHour, " an hour"}, {r.PerDay, " a day"}, {r.InFlight, " at once"}} {
		if limit.n > 0 {
			limits = append(limits, count(limit.n)+limit.unit)
		}
	}
	if limits == nil {
		return "as configured"
	}
	return strings.Join(limits, ", ")
}

func paths(list []scim.Path, none string) string {
	if len(list) == 0 {
		return none
	}
	words := make([]string, 0, len(list))
	for _, path := range list {
		words = append(words, string(path))
	}
	return strings.Join(words, ", ")
}

// count writes thousands with commas.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func size(bytes int) string {
	switch {
	case bytes == 0:
		return "of any size"
	case bytes < 1_000_000:
		return count(bytes/1000) + " kB"
	default:
		return strconv.FormatFloat(float64(bytes/100_000)/10, 'f', -1, 64) + " MB"
	}
}

// Matrix is a Markdown table of all named profiles, with their sources and notes below
// it.
func Matrix() string {
	columns := []string{
		traitKinds, traitPatch, traitPut, traitLeaving, traitMembers, traitShown, traitRename,
		traitUserFilters, traitGroupFilters, traitPaging, traitBulk, traitETag, traitRate, traitAsk,
	}
	var table, notes strings.Builder
	table.WriteString("| profile | " + strings.Join(columns, " | ") + " |\n")
	table.WriteString(strings.Repeat("|---", len(columns)+1) + "|\n")
	for _, name := range Names() {
		p, _ := Named(name)
		row := []string{"`" + name + "`"}
		for _, trait := range p.Describe() {
			if slices.Contains(columns, trait.Name) {
				row = append(row, trait.Value)
			}
		}
		table.WriteString("| " + strings.Join(row, " | ") + " |\n")
		fmt.Fprintf(&notes, "- `%s` (%s)", name, p.Source)
		if len(p.Notes) > 0 {
			notes.WriteString(": " + strings.Join(p.Notes, " "))
		}
		notes.WriteByte('\n')
	}
	return table.String() + "\n" + notes.String()
}

func price(dollars float64) string {
	if dollars == 0 {
		return "none known"
	}
	return fmt.Sprintf("$%g", dollars)
}
