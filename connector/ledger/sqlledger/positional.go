package sqlledger

import "strings"

// positional writes $1, $2, … as ?, ?, … where each stands once and in order, and
// returns any other statement as it is. To SQLite a numbered parameter has a name, and
// its driver asks for the name of each one as it binds it, which takes as long as
// there are parameters: in a statement of 64 rows that was half of the work.
func positional(query string) string {
	var b strings.Builder
	b.Grow(len(query))
	next := 1
	for rest := query; ; next++ {
		text, after, found := strings.Cut(rest, "$")
		b.WriteString(text)
		if !found {
			return b.String()
		}
		n, digits := 0, 0
		for digits < len(after) && '0' <= after[digits] && after[digits] <= '9' {
			n = 10*n + int(after[digits]-'0')
			digits++
		}
		if digits == 0 || n != next {
			return query
		}
		b.WriteByte('?')
		rest = after[digits:]
	}
}
