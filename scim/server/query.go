package server

import (
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"simscim/scim"
	"simscim/scim/filter"
)

// params are the parameters of a request by their names in lower case, since clients
// write startindex as well as startIndex. Unknown ones are ignored (RFC 7644 §3.4.2).
type params map[string]string

func fold(values url.Values) params {
	out := make(params, len(values))
	// In order, so that of two spellings of one name the same one counts every time.
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if lower := strings.ToLower(name); out[lower] == "" {
			out[lower] = values.Get(name)
		}
	}
	return out
}

// listing is a list request, from a query string or from a search message.
type listing struct {
	filter     string
	sortBy     string
	descending bool
	startIndex int
	count      int
	// byCursor asks for cursor paging (RFC 9865); the first page has an empty cursor.
	byCursor   bool
	cursor     string
	projection projection
}

func (s *server) listing(p params) (listing, error) {
	l := listing{filter: strings.TrimSpace(p["filter"]), sortBy: p["sortby"], descending: strings.EqualFold(p["sortorder"], "descending")}
	if s.options.NoSort {
		l.sortBy = ""
	}
	var err error
	switch s.options.Paging {
	case AnyPaging:
		l.cursor, l.byCursor = p["cursor"]
	case CursorPaging:
		l.cursor, l.byCursor = p["cursor"], true
	case NoPaging:
		l.startIndex, l.count = 1, math.MaxInt32
		l.projection, err = parseProjection(p)
		return l, err
	case IndexPaging: // a cursor is an unknown parameter, to be ignored
	}
	if l.startIndex, err = integer(p["startindex"], 1, "startIndex", scim.TypeInvalidValue); err != nil {
		return l, err
	}
	wrongCount := scim.TypeInvalidValue
	if l.byCursor {
		wrongCount = scim.TypeInvalidCount
	}
	if l.count, err = integer(p["count"], s.options.PageDefault, "count", wrongCount); err != nil {
		return l, err
	}
	l.startIndex = max(l.startIndex, 1)
	l.count = min(max(l.count, 0), s.options.PageMax)
	l.projection, err = parseProjection(p)
	return l, err
}

// integer reads a whole number. One that is too big for the machine is still a number.
func integer(text string, fallback int, name, scimType string) (int, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err == nil {
		return int(n), nil
	}
	digits := strings.TrimPrefix(strings.TrimPrefix(text, "-"), "+")
	if strings.Trim(digits, "0123456789") != "" || digits == "" {
		return 0, &scim.Error{Status: 400, ScimType: scimType, Detail: name + " must be a whole number"}
	}
	if strings.HasPrefix(text, "-") {
		return math.MinInt32, nil
	}
	return math.MaxInt32, nil
}

// query turns the request into one for the store.
func (s *server) query(kind scim.Kind, l listing) (Query, error) {
	q := Query{Descending: l.descending, Skip: l.startIndex - 1, Limit: l.count}
	if l.filter != "" {
		e, err := filter.Parse(l.filter)
		if err != nil {
			return q, err
		}
		q.Filter = e
	}
	if l.sortBy != "" {
		a, err := filter.ParseAttr(l.sortBy)
		if err != nil {
			return q, &scim.Error{Status: 400, ScimType: scim.TypeInvalidPath, Detail: "sortBy is not an attribute path"}
		}
		q.SortBy = a
	}
	return q, s.kinds[kind].hidden(q.Filter, q.SortBy)
}
