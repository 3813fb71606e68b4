package simsid

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"simscim/roster"
)

// parseContract reads a contract and reports everything that is wrong with it at once.
func parseContract(file string, text []byte) (*Contract, error) {
	doc, root, err := openDocument(file, text)
	if err != nil {
		return nil, err
	}
	o := root.object()
	if v := o.get("version"); v.required() != "1" {
		v.fail(`must be 1`)
	}
	c := &Contract{Name: o.get("name").required(), Verified: o.get("verified").truth()}
	c.basePath = readBasePath(o.get("basePath"))
	c.paging = readPaging(o.get("paging"))
	c.envelope = readEnvelope(o.get("envelope"))
	if m := o.get("management"); !m.missing() { // only needed with a vendor's credentials
		c.management = readManagement(m)
	}
	c.site = readSite(o.get("site"))
	c.people = readPeople(o.get("people"))
	c.groups = readGroups(o.get("groups"))
	c.membership = readMembership(o.get("membership"))
	o.close()
	if err := doc.err(); err != nil {
		return nil, err
	}
	return c, nil
}

func readBasePath(n node) string {
	s := strings.TrimSuffix(n.text(""), "/")
	if s != "" && !pathPattern.MatchString(s) {
		n.fail("must begin with / and hold no query")
	}
	return s
}

func readPaging(n node) paging {
	o := n.object()
	defer o.close()
	p := paging{
		style:      o.get("style").choice("page", "offset", "next", "none"),
		number:     o.get("number").text("page"),
		offset:     o.get("offset").text("offset"),
		size:       o.get("size").text("pageSize"),
		first:      o.get("first").number(1, 0, 1),
		records:    o.get("records").number(200, 1, 10_000),
		byReceived: o.get("advance").choice("received", "asked") == "received",
	}
	next := o.get("next")
	p.nextAt = readField(next)
	if p.style == "next" && len(p.nextAt) == 0 {
		next.fail("is required with style next")
	}
	return p
}

func readEnvelope(n node) envelope {
	o := n.object()
	defer o.close()
	e := envelope{
		items:          readField(o.get("items")),
		total:          readField(o.get("total")),
		organisation:   readField(o.get("organisation")),
		emptyNoContent: o.get("noContent").choice("refuse", "empty") == "empty",
	}
	if items := o.get("items"); e.items == nil {
		items.fail(`is required ("$" when the answer itself is the list)`)
	} else if len(e.items) == 0 && (e.total != nil || e.organisation != nil) {
		items.fail("a list without an envelope cannot have a total or an organisation beside it")
	}
	return e
}

func readManagement(n node) managementContract {
	o := n.object()
	defer o.close()
	f := o.get("fields").object()
	defer f.close()
	return managementContract{
		customers:    readPath(o.get("customers"), "{application}"),
		credentials:  readPath(o.get("credentials"), "{application}", "{customer}"),
		id:           requireField(f.get("id")),
		name:         readField(f.get("name")),
		organisation: requireField(f.get("organisation")),
		dfe:          readField(f.get("dfe")),
		state:        requireField(f.get("state")),
		clientID:     requireField(f.get("clientID")),
		clientSecret: requireField(f.get("clientSecret")),
		states:       readValues(o.get("states"), authorised, pending, withdrawn),
	}
}

func readSite(n node) siteContract {
	o := n.object()
	defer o.close()
	f := o.get("fields").object()
	defer f.close()
	s := siteContract{
		path:      readPath(o.get("path"), "{organisation}"),
		record:    readField(o.get("record")),
		id:        requireField(f.get("id")),
		name:      readField(f.get("name")),
		dfe:       readField(f.get("dfe")),
		phase:     readField(f.get("phase")),
		yearStart: readField(f.get("yearStart")),
	}
	if s.record == nil {
		s.record = fieldPath{}
	}
	return s
}

func readPeople(n node) peopleContract {
	o := n.object()
	defer o.close()
	f := o.get("fields").object()
	defer f.close()
	p := peopleContract{
		paths:           map[roster.Kind]string{},
		id:              requireField(f.get("id")),
		kind:            readField(f.get("type")),
		state:           readField(f.get("state")),
		begin:           readField(f.get("begin")),
		end:             readField(f.get("end")),
		givenName:       readField(f.get("givenName")),
		familyName:      readField(f.get("familyName")),
		preferredGiven:  readField(f.get("preferredGivenName")),
		preferredFamily: readField(f.get("preferredFamilyName")),
		ageBand:         readField(f.get("ageBand")),
		yearGroup:       readField(f.get("yearGroup")),
		registration:    readField(f.get("registration")),
		house:           readField(f.get("house")),
		email:           readField(f.get("email")),
		username:        readField(f.get("username")),
		roles:           readField(f.get("roles")),
		identifiers:     map[string]fieldPath{},
		kinds:           readValues(o.get("types"), roster.Student, roster.Staff, roster.Contact),
		states:          readValues(o.get("states"), roster.Current, roster.Future, roster.Leaver),
	}
	if p.givenName == nil && p.familyName == nil {
		f.get("familyName").fail("is required, or givenName")
	}
	ids := f.get("identifiers").object()
	for _, name := range ids.all() {
		p.identifiers[name] = requireField(ids.get(name))
	}
	for _, kind := range []roster.Kind{roster.Student, roster.Staff, roster.Contact} {
		if path := o.get(string(kind)); !path.missing() {
			p.paths[kind] = readPath(path, "{organisation}")
		}
	}
	if len(p.paths) == 0 {
		o.fail("must name a path for at least one of student, staff, contact")
	}
	return p
}

func readGroups(n node) groupsContract {
	o := n.object()
	defer o.close()
	f := o.get("fields").object()
	defer f.close()
	g := groupsContract{
		path:      readPath(o.get("path"), "{organisation}", "?{groupType}"),
		id:        requireField(f.get("id")),
		kind:      readField(f.get("type")),
		name:      readField(f.get("name")),
		shortName: readField(f.get("shortName")),
		subject:   readField(f.get("subject")),
		yearGroup: readField(f.get("yearGroup")),
		begin:     readField(f.get("begin")),
		end:       readField(f.get("end")),
		kinds:     readValues(o.get("types"), roster.YearGroup, roster.Registration, roster.House, roster.Class),
	}
	if len(g.kinds) == 0 {
		o.get("types").fail("must name at least one type")
	}
	if g.kind == nil && !strings.Contains(g.path, "{groupType}") {
		f.get("type").fail("is required where the path does not hold {groupType}")
	}
	return g
}

func readMembership(n node) membershipContract {
	o := n.object()
	defer o.close()
	m := membershipContract{
		fromGroup: o.get("from").choice("person", "group") == "group",
		roles:     readValues(o.get("roles"), roster.Member, roster.Teacher),
	}
	p := o.get("person").object()
	for _, kind := range []roster.GroupKind{roster.Class, roster.House, roster.Registration, roster.YearGroup} {
		if at := p.get(string(kind)); !at.missing() {
			m.refs = append(m.refs, readRef(kind, at))
		}
	}
	p.close()
	if !m.fromGroup && len(m.refs) == 0 {
		p.fail("must name at least one of year, registration, house, class")
	}
	g := o.get("group").object()
	f := g.get("fields").object()
	if m.fromGroup || !g.missing() {
		m.path = readPath(g.get("path"), "{organisation}", "{group}", "?{groupType}")
		m.id, m.kind, m.role = requireField(f.get("id")), readField(f.get("type")), readField(f.get("role"))
	}
	f.close()
	g.close()
	return m
}

func readRef(kind roster.GroupKind, n node) groupRef {
	o := n.object()
	defer o.close()
	return groupRef{kind: kind, at: requireField(o.get("at")), id: requireField(o.get("id")), role: readField(o.get("role"))}
}

// readValues reads a map from the vendor's words to ours. "ignore" is allowed for all
// and maps to the empty word.
func readValues[T ~string](n node, allowed ...T) map[string]T {
	o, values := n.object(), map[string]T{}
	for _, word := range o.all() {
		v := o.get(word)
		switch t := T(v.required()); {
		case slices.Contains(allowed, t):
			values[word] = t
		case t == "ignore":
			values[word] = ""
		case t != "":
			v.fail("must be one of %s", joinWords(append(slices.Clone(allowed), "ignore")))
		}
	}
	return values
}

func joinWords[T ~string](words []T) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = string(w)
	}
	return strings.Join(out, ", ")
}

var (
	pathPattern     = regexp.MustCompile(`^(/([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2}|\{[A-Za-z]+\})+)+/?$`)
	templatePattern = regexp.MustCompile(`\{[^{}]*\}`)
)

// readPath reads a path with templates. Each of names must stand in it; one that
// begins with "?" may.
func readPath(n node, names ...string) string {
	s := n.required()
	if s == "" {
		return s
	}
	if !pathPattern.MatchString(s) || strings.Contains(s, "/../") {
		n.fail("must be a path such as /organisation/{organisation}, without a query")
		return s
	}
	allowed := map[string]bool{}
	for _, name := range names {
		bare, optional := strings.CutPrefix(name, "?")
		allowed[bare] = true
		if !optional && !strings.Contains(s, bare) {
			n.fail("must hold %s", bare)
		}
	}
	for _, name := range templatePattern.FindAllString(s, -1) {
		if !allowed[name] {
			n.fail("%s is not known here; allowed are %s", name, strings.Join(slices.Sorted(maps.Keys(allowed)), ", "))
		}
	}
	return s
}

// readField reads a dotted path into a record, or nil where there is none.
func readField(n node) fieldPath {
	s := n.text("")
	if s == "" {
		return nil
	}
	p, ok := parseFieldPath(s)
	if !ok {
		n.fail(`must be a path of names with dots between them (a dot of the name itself is written "\."), or "$"`)
	}
	return p
}

func requireField(n node) fieldPath {
	p := readField(n)
	if n.missing() || p == nil && n.text("") == "" {
		n.fail("is required")
	}
	return p
}
