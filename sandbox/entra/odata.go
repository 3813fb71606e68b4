package entra

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// clause is one condition of a $filter. All of them have to hold.
type clause struct {
	path, op string
	values   []literal
}

// literal is text in quotes, or a bare word: a time, true, false or null.
type literal struct {
	text   string
	quoted bool
}

func (l literal) punctuation() bool { return !l.quoted && strings.Contains("(),", l.text) }

// maxFilter bounds a filter, in bytes, and maxIn the values of an "in".
const (
	maxFilter = 8 << 10
	maxIn     = 15
)

// parseFilter reads clauses joined by "and". allowed says which operators a path takes.
func parseFilter(text string, allowed func(path string) []string) ([]clause, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	invalid := badRequest("Invalid filter clause.")
	tokens, ok := tokenize(text)
	if !ok || len(text) > maxFilter {
		return nil, invalid
	}
	var out []clause
	for {
		cl, rest, ok := parseClause(tokens)
		if !ok {
			return nil, invalid
		}
		if cl.orders() {
			if _, err := time.Parse(time.RFC3339, cl.values[0].text); err != nil || cl.values[0].quoted {
				return nil, invalid
			}
		}
		if !slices.Contains(allowed(cl.path), cl.op) {
			return nil, badRequest("The filter clause with '%s' on '%s' is not supported.", cl.op, cl.path)
		}
		out = append(out, cl)
		if len(rest) == 0 {
			return out, nil
		}
		if rest[0].quoted || rest[0].text != "and" {
			return nil, invalid
		}
		tokens = rest[1:]
	}
}

// tokenize splits at white space, brackets and commas; a quote within text is doubled.
func tokenize(text string) ([]literal, bool) {
	var out []literal
	for text = strings.TrimLeft(text, " "); text != ""; text = strings.TrimLeft(text, " ") {
		switch {
		case text[0] == '\'':
			var b strings.Builder
			rest := text[1:]
			for {
				part, after, found := strings.Cut(rest, "'")
				if !found {
					return nil, false
				}
				b.WriteString(part)
				if rest = after; !strings.HasPrefix(rest, "'") {
					break
				}
				b.WriteByte('\'')
				rest = rest[1:]
			}
			out, text = append(out, literal{b.String(), true}), rest
		case strings.ContainsRune("(),", rune(text[0])):
			out, text = append(out, literal{text[:1], false}), text[1:]
		default:
			end := strings.IndexAny(text, " (),'")
			if end < 0 {
				end = len(text)
			}
			out, text = append(out, literal{text[:end], false}), text[end:]
		}
	}
	return out, true
}

// parseClause reads path op value, path in (values) or function(path,value).
func parseClause(t []literal) (clause, []literal, bool) {
	bare := func(i int, want string) bool { return i < len(t) && !t[i].quoted && t[i].text == want }
	switch {
	case len(t) >= 6 && bare(1, "(") && bare(3, ",") && bare(5, ")") && !t[0].quoted && !t[2].quoted && t[4].quoted:
		return clause{t[2].text, strings.ToLower(t[0].text), t[4:5]}, t[6:], true
	case len(t) >= 5 && !t[0].quoted && bare(1, "in") && bare(2, "("):
		cl := clause{path: t[0].text, op: "in"}
		for i := 3; i+1 < len(t) && len(cl.values) < maxIn; i += 2 {
			cl.values = append(cl.values, t[i])
			if bare(i+1, ")") {
				return cl, t[i+2:], true
			}
			if !bare(i+1, ",") {
				break
			}
		}
		return clause{}, nil, false
	case len(t) >= 3 && !t[0].quoted && !t[1].quoted && !slices.ContainsFunc(t[:3], literal.punctuation):
		return clause{t[0].text, t[1].text, t[2:3]}, t[3:], true
	default:
		return clause{}, nil, false
	}
}

func (cl clause) orders() bool { return cl.op == "gt" || cl.op == "lt" || cl.op == "ge" }

// holds compares the clause with a value, as times where it orders them.
func (cl clause) holds(value string, present, fold bool) bool {
	norm := func(s string) string {
		if fold {
			return strings.ToLower(s)
		}
		return s
	}
	want := cl.values[0]
	switch cl.op {
	case "eq", "in":
		return slices.ContainsFunc(cl.values, func(v literal) bool {
			if !v.quoted && v.text == "null" {
				return !present
			}
			return present && norm(value) == norm(v.text)
		})
	case "contains":
		return present && strings.Contains(norm(value), norm(want.text))
	case "startswith":
		return present && strings.HasPrefix(norm(value), norm(want.text))
	}
	a, errA := time.Parse(time.RFC3339, value)
	b, errB := time.Parse(time.RFC3339, want.text)
	if errA != nil || errB != nil {
		return false
	}
	return cl.op == "gt" && a.After(b) || cl.op == "lt" && a.Before(b) || cl.op == "ge" && !a.Before(b)
}

// top is how many objects a page is to hold.
func (c *call) top(most int) (int, error) {
	if !c.query.Has("$top") {
		return c.options.PageSize, nil
	}
	n, err := strconv.Atoi(c.query.Get("$top"))
	if err != nil || n < 1 || n > most {
		return 0, badRequest("Invalid page size specified: it is to be between 1 and %d inclusive.", most)
	}
	return n, nil
}

// only refuses query options that the path does not serve.
func (c *call) only(names ...string) error {
	for name := range c.query {
		if !slices.Contains(names, name) {
			return badRequest("The query option '%s' is not supported here.", name)
		}
	}
	return nil
}

// next is the link to the page that starts at the token.
func (c *call) next(token string) string {
	q := c.query
	q.Set("$skiptoken", token)
	path := make([]string, len(c.path))
	for i, segment := range c.path {
		path[i] = url.PathEscape(segment)
	}
	return c.base() + "/" + strings.Join(path, "/") + "?" + q.Encode()
}
