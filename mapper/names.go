package mapper

import (
	"iter"
	"strconv"
	"strings"

	"simscim/internal/translit"
)

// maxNumber is the last number that is tried behind a taken name; a school with a
// thousand people of one pattern needs another pattern.
const maxNumber = 999

// candidates yields the user names to try for the person that the scope holds: what
// each rule yields, spelled as a user name; then the last of these with 2, 3, 4 …
// before the @; then a code made of the key. What a rule fails for, or what leaves
// nothing usable, is passed over. A single plain rule has one candidate only.
func (m *Mapping) candidates(s *scope, a *account) iter.Seq[string] {
	return func(yield func(string) bool) {
		last := ""
		for i := range m.name.candidates {
			name := a.first
			if i > 0 || !a.ahead {
				name = m.name.candidates[i].name(s)
			}
			if name == "" {
				continue
			}
			if !yield(name) {
				return
			}
			last = name
		}
		if !m.name.numbered {
			return
		}
		local, domain, _ := strings.Cut(last, "@")
		if last != "" {
			for n := 2; n <= maxNumber; n++ {
				if !yield(qualify(local, strconv.Itoa(n), domain)) {
					return
				}
			}
		} else {
			domain = m.domain(s)
		}
		if yield(qualify("u", shortCode(a.key, 8), domain)) {
			yield(qualify("u", shortCode(a.key, 16), domain))
		}
	}
}

// name is what the rule yields as a user name, or "" where it fails or yields nothing
// usable.
func (c *candidate) name(s *scope) string {
	v, err := c.rule.text(s)
	if err != nil {
		return ""
	}
	return translit.UserName(v)
}

// qualify puts a user name together; a long local part gives way to the ending.
func qualify(local, ending, domain string) string {
	if over := len(local) + len(ending) - 64; over > 0 {
		local = local[:len(local)-over]
	}
	if domain == "" {
		return local + ending
	}
	return local + ending + "@" + domain
}

// domain works out what the rules put behind the @ for people whose names spell
// nothing, so that even the fallback is a name that the target takes.
func (m *Mapping) domain(s *scope) string {
	for _, c := range m.name.candidates {
		if c.tail == nil {
			continue
		}
		if v, err := c.tail.text(s); err == nil {
			if _, domain, ok := strings.Cut(translit.UserName("u"+v), "@"); ok {
				return domain
			}
		}
	}
	return ""
}
