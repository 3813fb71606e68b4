package oneroster

import (
	"cmp"
	"fmt"
	"iter"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// defaultLimit is the page size that OneRoster sets; it sets no maximum.
const defaultLimit = 100

// overload is the limit from which the switch overloaded gives up.
const overload = 200

// query is what a request asks of a list.
type query struct {
	limit, offset int
	filter        *filter
	sort          []string
	descending    bool
	fields        []string
	warnings      []*problem
}

// query reads the parameters. Unknown fields to sort by or to select are warned of;
// those to filter by are refused.
func (c *call) query(k kind) (*query, *problem) {
	values, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return nil, bad("the query cannot be read")
	}
	q := &query{limit: defaultLimit}
	for name, into := range map[string]*int{"limit": &q.limit, "offset": &q.offset} {
		text := values.Get(name)
		n, err := strconv.Atoi(text)
		switch {
		case text == "":
		case err != nil || n < 0 || n > math.MaxInt32 || n == 0 && name == "limit":
			return nil, bad("limit is a whole number from 1, offset one from 0")
		default:
			*into = n
		}
	}
	if text := values.Get("filter"); text != "" && !c.on.has(AllFiltersIgnored) {
		f, wrong := parseFilter(text, k, c.version)
		switch {
		case wrong != nil:
			return nil, wrong
		case f.dotted(k) && c.on.has(FiltersRefused):
			return nil, &problem{http.StatusBadRequest, "invalid_filter_field", "filters on this field are not supported"}
		case !f.dotted(k) || !c.on.has(FiltersIgnored):
			q.filter = f
		}
	}
	if wrong := c.sorting(q, values, k); wrong != nil {
		return nil, wrong
	}
	return q, c.selection(q, values, k)
}

func (c *call) sorting(q *query, values url.Values, k kind) *problem {
	text := values.Get("sort")
	if order := values.Get("orderBy"); order != "" && order != "asc" && order != "desc" {
		return bad("orderBy is asc or desc")
	}
	q.descending = values.Get("orderBy") == "desc"
	path := strings.Split(text, ".")
	switch {
	case text == "":
	case c.on.has(SortRefused):
		return &problem{http.StatusBadRequest, "invalid_sort_field", "sorting is not supported"}
	case c.on.has(SortIgnored) || !known(k, c.version, path):
		q.warnings = append(q.warnings, &problem{http.StatusOK, "invalid_sort_field", "the field to sort by is not known; the records are not sorted"})
	default:
		q.sort = path
	}
	return nil
}

func (c *call) selection(q *query, values url.Values, k kind) *problem {
	if !values.Has("fields") || c.on.has(FieldsIgnored) {
		return nil
	}
	var unknown bool
	for name := range strings.SplitSeq(values.Get("fields"), ",") {
		name = strings.TrimSpace(name)
		switch {
		case name == "":
			return &problem{http.StatusBadRequest, "invalid_blank_selection_field", "a field to select is blank"}
		case !slices.Contains(fieldsOf(k, c.version), name):
			unknown = true
		default:
			q.fields = append(q.fields, name)
		}
	}
	if unknown {
		q.warnings = append(q.warnings, &problem{http.StatusOK, "invalid_selection_field", "a field to select is not known; it is ignored"})
	}
	return nil
}

// list answers a page of records.
func (c *call) list(col collection, records iter.Seq[*record]) {
	q, wrong := c.query(col.kind)
	if wrong == nil && c.on.has(Overloaded) && q.limit > overload {
		http.Error(c.w, "upstream request timeout", http.StatusGatewayTimeout)
		return
	}
	if wrong != nil {
		c.refuse(wrong)
		return
	}
	c.answer(col, q, c.selected(q, records))
}

// selected filters and sorts, or remembers that it did.
func (c *call) selected(q *query, records iter.Seq[*record]) []*record {
	values := c.r.URL.Query()
	key := fmt.Sprintf("%s %d %s?%s&%s&%s", c.version, len(c.trust.above), c.r.URL.Path, values.Get("filter"), values.Get("sort"), values.Get("orderBy"))
	if found, ok := c.recall(c.trust, key); ok {
		return found
	}
	var found []*record
	for r := range records {
		if q.filter == nil || q.filter.match(c.trust.object(r), c.on) {
			found = append(found, r)
		}
	}
	if q.sort != nil {
		c.sort(q, found)
	}
	c.remember(c.trust, key, found)
	return found
}

func (c *call) sort(q *query, found []*record) {
	keys := make(map[*record]string, len(found))
	for _, r := range found {
		keys[r] = strings.Join(c.trust.object(r).texts(q.sort), ",")
	}
	slices.SortStableFunc(found, func(x, y *record) int {
		n := cmp.Or(compareText(keys[x], keys[y]), compareRecords(x, y))
		if q.descending {
			return -n
		}
		return n
	})
}

// page is the part of a list that an answer holds, with what its headers say.
type page struct {
	rows          []*record
	limit, offset int
	total         int
	next          string
}

// answer writes the page that the query asks for.
func (c *call) answer(col collection, q *query, all []*record) {
	p := page{limit: q.limit, offset: q.offset, total: len(all)}
	if n, capped := c.on[LimitCap]; capped {
		p.limit = min(p.limit, n)
	}
	from := min(p.offset, len(all))
	p.rows = all[from:min(from+p.limit, len(all))]
	if p.offset+p.limit < p.total {
		p.next = c.at(p.limit, p.offset+p.limit)
	}
	c.spoilPage(&p, all)
	if len(p.rows) == 0 && c.on.has(EmptyNoContent) {
		c.w.WriteHeader(http.StatusNoContent)
		return
	}
	c.headers(p)
	c.body(col, q, p)
}

func (c *call) headers(p page) {
	h := c.w.Header()
	if !c.on.has(NoTotal) {
		h.Set("X-Total-Count", strconv.Itoa(p.total))
	}
	if c.on.has(NoLink) {
		return
	}
	links := []string{fmt.Sprintf("<%s>; rel=\"first\"", c.at(p.limit, 0))}
	if p.offset > 0 {
		links = append(links, fmt.Sprintf("<%s>; rel=\"prev\"", c.at(p.limit, max(0, p.offset-p.limit))))
	}
	if p.next != "" {
		links = append(links, fmt.Sprintf("<%s>; rel=\"next\"", p.next))
	}
	links = append(links, fmt.Sprintf("<%s>; rel=\"last\"", c.at(p.limit, max(0, (p.total-1)/p.limit*p.limit))))
	h.Set("Link", strings.Join(links, ", "))
}

// at is the URL of this list at an offset, with the same filter, order and fields.
func (c *call) at(limit, offset int) string {
	values := c.r.URL.Query()
	for name := range values {
		if strings.HasPrefix(name, "oauth_") { // a signature holds for one URL
			values.Del(name)
		}
	}
	values.Set("limit", strconv.Itoa(limit))
	values.Set("offset", strconv.Itoa(offset))
	return c.root + "/" + strings.Join(c.segments, "/") + "?" + values.Encode()
}

func (c *call) writer() *jsonWriter {
	w := &jsonWriter{on: c.on, base: c.root}
	c.spoilWriter(w)
	return w
}

func (c *call) infos(warnings []*problem) []object {
	var out []object
	for _, p := range warnings {
		out = append(out, p.info(c.version, c.on))
	}
	return out
}

// flushAt is how much of a body is gathered before it is sent.
const flushAt = 64 << 10

// body writes the envelope and the records as it goes: a page may be a whole district.
func (c *call) body(col collection, q *query, p page) {
	c.w.Header().Set("Content-Type", "application/json; charset=utf-8")
	out := c.writer()
	if c.on.has(NoEnvelopes) {
		out.object(object{{"status", "ok"}, {"count", number(p.total)}})
		writeBody(c.w, http.StatusOK, out.b)
		return
	}
	c.w.WriteHeader(http.StatusOK)
	out.b = append(append(append(out.b, '{', '"'), col.key...), `":[`...)
	var first string
	for i, r := range p.rows {
		if i > 0 {
			out.b = append(out.b, ',')
		}
		o := c.spoilRow(i, c.trust.object(r), first)
		if i == 0 {
			first = r.id.String()
		}
		out.object(o.only(q.fields))
		if len(out.b) > flushAt {
			if _, err := c.w.Write(out.b); err != nil {
				return // the caller has gone
			}
			out.b = out.b[:0]
		}
	}
	out.b = append(out.b, ']')
	if len(q.warnings) > 0 {
		out.b = append(out.b, `,"statusInfoSet":`...)
		out.value(c.infos(q.warnings))
	}
	out.b = append(out.b, '}', '\n')
	_, _ = c.w.Write(out.b) // the caller has gone if this fails
}
