package csv

import (
	"maps"
	"slices"
	"strings"

	"simscim/connector/source"
	"simscim/connector/source/oneroster"
)

// need says which optional values some rule uses. Nothing else is kept of the files.
type need struct {
	email, username, birth bool
	// anyID is for rules that take all further ids, types for those that name some, in
	// lower case.
	anyID bool
	types map[string]bool
}

func needOf(w source.Want) need {
	n := need{types: map[string]bool{}, birth: oneroster.NeedsBirthDates(w)}
	for _, f := range w.Fields {
		switch f {
		case "email":
			n.email = true
		case "username":
			n.username = true
		case "identifiers":
			n.anyID = true
		default:
			if name, ok := strings.CutPrefix(f, "identifiers."); ok {
				n.types[strings.ToLower(name)] = true
			}
		}
	}
	return n
}

func (n need) id(typ string) bool { return n.anyID || n.types[strings.ToLower(typ)] }

// covers tells whether what was kept for n is enough for m.
func (n need) covers(m need) bool {
	for typ := range m.types {
		if !n.id(typ) {
			return false
		}
	}
	return (n.email || !m.email) && (n.username || !m.username) && (n.birth || !m.birth) && (n.anyID || !m.anyID)
}

func (n need) with(m need) need {
	out := need{
		email: n.email || m.email, username: n.username || m.username, birth: n.birth || m.birth, anyID: n.anyID || m.anyID,
		types: map[string]bool{},
	}
	maps.Copy(out.types, n.types)
	maps.Copy(out.types, m.types)
	return out
}

// userIDs reads a list of further ids, {type:identifier},{type:identifier}, and keeps the
// types that are needed. ok is false where it is no such list.
func (n need) userIDs(s string) (out map[string]string, ok bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return nil, true
	}
	inner, found := strings.CutPrefix(s, "{")
	inner, end := strings.CutSuffix(inner, "}")
	if !found || !end {
		return nil, false
	}
	for part := range strings.SplitSeq(inner, "}") {
		part = strings.TrimLeft(part, ", \t{")
		typ, value, paired := strings.Cut(part, ":")
		typ, value = strings.TrimSpace(typ), strings.TrimSpace(value)
		if !paired || typ == "" {
			return nil, false
		}
		if n.id(typ) && value != "" {
			if out == nil {
				out = map[string]string{}
			}
			if _, twice := out[typ]; !twice {
				out[typ] = value
			}
		}
	}
	return out, true
}

// joinIDs writes what userIDs reads.
func joinIDs(all map[string]string) string {
	parts := make([]string, 0, len(all))
	for _, typ := range slices.Sorted(maps.Keys(all)) {
		parts = append(parts, "{"+typ+":"+all[typ]+"}")
	}
	return strings.Join(parts, ",")
}

// list splits a field that holds several values, separated by commas.
func list(s string) []string {
	if strings.TrimSpace(s) == "" {
		return nil
	}
	parts := strings.Split(s, ",")
	out := parts[:0]
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}
