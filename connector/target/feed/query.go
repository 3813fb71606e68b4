package feed

import (
	"strings"
	"time"

	"simscim/scim"
	"simscim/scim/filter"
)

// clause is what of a filter the database can answer.
type clause struct {
	sql  string
	args []any
	// exact says that the clause is met by exactly those who meet the filter; otherwise
	// by others too, and the content must be looked at.
	exact bool
}

var (
	everybody = clause{sql: "1", exact: true}
	// unknown is what the database cannot answer.
	unknown = clause{sql: "1"}
)

// clause translates a filter. Values go in as parameters only.
func (k *keys) clause(kind scim.Kind, e filter.Expr) clause {
	switch e := e.(type) {
	case nil:
		return everybody
	case *filter.Compare:
		return k.compare(kind, e)
	case *filter.Not:
		if c := k.clause(kind, e.X); c.exact {
			return clause{"NOT (" + c.sql + ")", c.args, true}
		}
	case *filter.Logical:
		out := clause{exact: true}
		parts := make([]string, len(e.Terms))
		for i, term := range e.Terms {
			c := k.clause(kind, term)
			parts[i] = c.sql
			out.args, out.exact = append(out.args, c.args...), out.exact && c.exact
		}
		join := " AND "
		if e.Or {
			join = " OR "
		}
		out.sql = "(" + strings.Join(parts, join) + ")"
		return out
	}
	return unknown
}

// column holds the hash of the attribute, or is empty.
func column(kind scim.Kind, a filter.Attr) (column, name string) {
	switch {
	case a.Is(externalID):
		return "external_id", externalID
	case a.Is("displayName"):
		return "display_name", "displayName"
	case a.Is("userName") && kind == scim.User:
		return "user_name", "userName"
	default:
		return "", ""
	}
}

func (k *keys) compare(kind scim.Kind, e *filter.Compare) clause {
	text, isText := e.Value.(string)
	if col, name := column(kind, e.Attr); col != "" {
		return hashed(col, e.Op, k.sum(kind, name, text))
	}
	switch {
	case e.Attr.Is("id") && e.Op == filter.Equal && isText:
		return clause{"id = ?", []any{text}, true}
	case e.Attr.Is("members.value") && e.Op == filter.Equal && isText && kind == scim.Group:
		return clause{"seq IN (SELECT m.group_seq FROM member m JOIN resource r ON r.seq = m.member_seq WHERE r.id = ?)", []any{text}, true}
	case e.Attr.Is("meta.lastModified") && isText:
		return moment("modified", e.Op, text)
	case e.Attr.Is("meta.created") && isText:
		return moment("created", e.Op, text)
	}
	return unknown
}

// hashed compares a hash. IS and IS NOT also say what holds where there is none.
func hashed(column string, op filter.Op, sum []byte) clause {
	switch {
	case op == filter.Present:
		return clause{column + " IS NOT NULL", nil, true}
	case op == filter.Equal && sum != nil:
		return clause{column + " IS ?", []any{sum}, true}
	case op == filter.NotEqual && sum != nil:
		return clause{column + " IS NOT ?", []any{sum}, true}
	default:
		return unknown
	}
}

// moment compares a time, which the file keeps to the millisecond, with one that may be
// finer: Microsoft writes seven digits.
func moment(column string, op filter.Op, text string) clause {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return unknown
	}
	if t.Nanosecond()%int(time.Millisecond) != 0 {
		// Nothing is equal to what lies between two milliseconds, and the lower is before it.
		switch op {
		case filter.Equal:
			return clause{sql: "0", exact: true}
		case filter.NotEqual:
			return everybody
		case filter.GreaterOrEqual:
			op = filter.Greater
		case filter.Less:
			op = filter.LessOrEqual
		}
	}
	sign, ok := map[filter.Op]string{
		filter.Equal: "=", filter.NotEqual: "<>", filter.Greater: ">", filter.GreaterOrEqual: ">=", filter.Less: "<", filter.LessOrEqual: "<=",
	}[op]
	if !ok {
		return unknown
	}
	return clause{column + " " + sign + " ?", []any{t.UnixMilli()}, true}
}
