package mapper

// libraryFunctions documents what rules have from CEL and its string library; their
// bindings come with the library.
func libraryFunctions() []Function {
	return []Function{
		{
			Name: "substring", Signatures: []string{"string.substring(int) string", "string.substring(int, int) string"},
			Doc:      "Takes part of a text, from a position (the first is 0) up to but without another. Where the text is too short the rule fails: a user name candidate is then skipped, any other attribute is reported. Use left where short texts are fine.",
			Examples: []Example{{`'Katherine'.substring(0, 4)`, `'Kath'`}, {`'Katherine'.substring(4)`, `'erine'`}},
		}, {
			Name: "replace", Signatures: []string{"string.replace(string, string) string", "string.replace(string, string, int) string"},
			Doc:      "Replaces each occurrence of a text by another, or only the first so many.",
			Examples: []Example{{`'10A/Ma1'.replace('/', '-')`, `'10A-Ma1'`}},
		}, {
			Name: "split", Signatures: []string{"string.split(string) list"},
			Doc:      "Cuts a text into a list at each separator.",
			Examples: []Example{{`'a@b.uk'.split('@')[1]`, `'b.uk'`}},
		}, {
			Name: "join", Signatures: []string{"list.join() string", "list.join(string) string"},
			Doc:      "Puts a list of texts together, with a separator between them.",
			Examples: []Example{{`['7A', '7B'].join(', ')`, `'7A, 7B'`}},
		}, {
			Name: "trim", Signatures: []string{"string.trim() string"},
			Doc:      "Takes blanks away from both ends. What a rule yields for an attribute is trimmed in any case.",
			Examples: []Example{{`' 7A '.trim()`, `'7A'`}},
		}, {
			Name: "charAt", Signatures: []string{"string.charAt(int) string"},
			Doc:      "Takes the letter at a position; the first is 0.",
			Examples: []Example{{`'7A'.charAt(1)`, `'A'`}},
		}, {
			Name: "indexOf", Signatures: []string{"string.indexOf(string) int", "string.lastIndexOf(string) int"},
			Doc:      "Tells where a text occurs in another, or -1.",
			Examples: []Example{{`'10A/Ma1'.indexOf('/')`, `3`}, {`'abc'.lastIndexOf('x')`, `-1`}},
		}, {
			Name: "startsWith", Signatures: []string{"string.startsWith(string) bool", "string.endsWith(string) bool", "string.contains(string) bool"},
			Doc:      "Tells whether a text starts with, ends with or contains another.",
			Examples: []Example{{`'10A'.startsWith('10')`, `true`}, {`'10A'.endsWith('B')`, `false`}, {`'10A/Ma1'.contains('/Ma')`, `true`}},
		}, {
			Name: "matches", Signatures: []string{"string.matches(string) bool"},
			Doc:      "Tells whether some part of a text matches a regular expression (RE2).",
			Examples: []Example{{`'10A'.matches('^[0-9]+[A-Z]$')`, `true`}},
		}, {
			Name: "format", Signatures: []string{"string.format(list) string"},
			Doc:      "Fills the places %s (text), %d (whole number) and the like in a text.",
			Examples: []Example{{`'%s (%d)'.format(['7A', 2026])`, `'7A (2026)'`}},
		}, {
			Name: "size", Signatures: []string{"size(string) int", "size(list) int"},
			Doc:      "Counts the letters of a text or the elements of a list.",
			Examples: []Example{{`size('Élodie')`, `6`}, {`size(['7A', '7B'])`, `2`}},
		}, {
			Name: "string", Signatures: []string{"string(int) string", "int(string) int"},
			Doc:      "Turns a number into text and back. int fails where the text is not a whole number.",
			Examples: []Example{{`string(2019)`, `'2019'`}, {`int('7') + 1`, `8`}},
		}, {
			Name: "exists", Signatures: []string{"list.exists(x, condition) bool", "list.all(x, condition) bool"},
			Doc:      "Tells whether a condition holds for some, or for every, element of a list.",
			Examples: []Example{{`['7A/Ma', '7A/En'].exists(c, c.endsWith('/Ma'))`, `true`}, {`[1, 2].all(n, n > 1)`, `false`}},
		}, {
			Name: "filter", Signatures: []string{"list.filter(x, condition) list", "list.map(x, expression) list"},
			Doc:      "Takes the elements for which a condition holds, or makes something of each.",
			Examples: []Example{{`['7A/Ma', '7A/En'].filter(c, c.endsWith('/Ma'))`, `['7A/Ma']`}, {`['a', 'b'].map(c, upper(c))`, `['A', 'B']`}},
		}, {
			Name: "has", Signatures: []string{"has(person.identifiers.x) bool", "has(site.vars.x) bool"},
			Doc:      "Tells whether a field is there and not empty. A rule that asks has(site.vars.x) may use site.vars.x, which is empty for the sites that do not set it.",
			Examples: []Example{{`has({'a': 1}.a)`, `true`}, {`has({'a': 1}.b)`, `false`}},
		},
	}
}
