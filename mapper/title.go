package mapper

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// titleCase writes a name as its bearer most likely does. Rolls hold names in
// capitals or in lower case; a word that already mixes the two was typed with care
// and stays, so DeShawn and van der Berg survive. For the others:
//
//   - each part between blanks and hyphens starts with a capital;
//   - so does what follows an apostrophe after one or two letters: O'Neill, D'Arcy;
//   - Mc is followed by a capital: McDonald. Mac is not, because Macey and Mackie are
//     as common as MacLeod; a name written MacLeod mixes case and stays;
//   - particles inside a name are in lower case (van, de, der, la, bin, …), but not
//     as the first word where the whole name was in capitals or has only one word.
//
// The last rule reads "VAN DER BERG" as Van der Berg and "van der berg" as van der
// Berg: in capitals, nothing tells how the first word was meant.
func titleCase(s string) string {
	words := strings.Fields(s)
	shouting := s == strings.ToUpper(s)
	for i, w := range words {
		first := i == 0 && (shouting || len(words) == 1)
		if low := strings.ToLower(w); !first && i < len(words)-1 && isParticle(low) {
			if w == low || shouting {
				words[i] = low
			}
			continue
		}
		words[i] = titleWord(w)
	}
	return strings.Join(words, " ")
}

// titleWord treats the parts of a double-barrelled word one by one.
func titleWord(w string) string {
	parts := strings.Split(w, "-")
	for i, p := range parts {
		parts[i] = titlePart(p)
	}
	return strings.Join(parts, "-")
}

func titlePart(p string) string {
	low := strings.ToLower(p)
	if p != low && p != strings.ToUpper(p) {
		return p // mixed case: typed with care
	}
	if i := strings.IndexAny(low, "'’"); i > 0 && utf8.RuneCountInString(low[:i]) <= 2 {
		_, size := utf8.DecodeRuneInString(low[i:])
		return capital(low[:i]) + low[i:i+size] + capital(low[i+size:])
	}
	if rest, ok := strings.CutPrefix(low, "mc"); ok && utf8.RuneCountInString(rest) > 1 {
		return "Mc" + capital(rest)
	}
	return capital(low)
}

func capital(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return s
	}
	return string(unicode.ToTitle(r)) + s[size:]
}

// isParticle tells whether a word in lower case links the parts of a family name.
func isParticle(w string) bool {
	switch w {
	case "af", "al", "ap", "bin", "bint", "da", "das", "de", "del", "della", "den", "der", "di", "do", "dos",
		"du", "el", "ibn", "la", "le", "les", "of", "op", "ten", "ter", "van", "vom", "von", "y", "zu", "zum", "zur":
		return true
	}
	return false
}
