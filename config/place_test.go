package config

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// ruleOf reads a file in which title is written as given.
func ruleOf(t interface {
	Helper()
	Fatal(...any)
}, written string,
) (Expr, []string) {
	t.Helper()
	file := sourcesAndTargets + "mappings:\n  standard:\n    users:\n      attributes:\n" + written + "\n" + site("1111111")
	cfg, problems := Parse("p.yaml", []byte(file))
	if problems != nil {
		t.Fatal(fmt.Sprintf("%v\n%s", problems, file))
	}
	return cfg.Mappings["standard"].Users.Attributes[0].Value, strings.Split(file, "\n")
}

func TestPlace(t *testing.T) {
	t.Parallel()
	for name, written := range map[string]string{
		"plain":                   `        title: person.id + MARK`,
		"plain, not ASCII":        `        title: éü + MARK`,
		"plain in a map":          `        title: {value: person.id + MARK, apply: create}`,
		"plain over lines":        "        title: person.id +\n          x +\n\n          MARK + y",
		"double quotes":           `        title: "'a' + MARK"`,
		"double with escapes":     `        title: "\"a\" + \u0061 + MARK"`,
		"double over lines":       "        title: \"'a' +\n          b + \\\n          MARK\"",
		"single quotes":           `        title: '"a" + MARK'`,
		"single with quotes":      `        title: '''a'' + MARK'`,
		"single over lines":       "        title: 'a +\n\n            MARK'",
		"block":                   "        title: |\n          a +\n            MARK",
		"block after empty line":  "        title: |\n\n          a +\n          MARK",
		"block with indicator":    "        title: |2\n            a +\n          MARK",
		"block beginning quoted":  "        title: |\n          \"a\" + \"\\n\" +\n          MARK",
		"folded":                  "        title: >-\n          a +\n          b +\n\n          MARK",
		"folded, indented":        "        title: >\n          a\n            + b\n            + MARK\n          + c",
		"value on the next line":  "        title:\n          a + MARK",
		"windows line ends":       "        title: |\r\n          a +\r\n          MARK\r",
		"comment behind the text": "        title: a + MARK # MORE",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, lines := ruleOf(t, written)
			before, _, ok := strings.Cut(e.Text, "MARK")
			if !ok {
				t.Fatalf("the text is %q", e.Text)
			}
			line := strings.Count(before, "\n") + 1
			col := len([]rune(before[strings.LastIndex(before, "\n")+1:])) + 1
			got := e.Place(line, col)
			if at := []rune(lines[got.Line-1]); got.Col > len(at) || !strings.HasPrefix(string(at[got.Col-1:]), "MARK") {
				t.Errorf("line %d column %d of %q is at %v, where %q stands", line, col, e.Text, got, lines[got.Line-1])
			}
			if first := []rune(lines[e.At.Line-1]); !strings.HasPrefix(strings.TrimSpace(e.Text), "\"") && e.Text[0] != '\n' &&
				e.Raw == "" && first[e.At.Col-1] != []rune(e.Text)[0] {
				t.Errorf("the rule begins at %v, where %q stands", e.At, string(first[e.At.Col-1:]))
			}
		})
	}
}

func TestPlaceOutside(t *testing.T) {
	t.Parallel()
	if got := (Expr{Text: "a default"}).Place(1, 3); got != (Pos{}) {
		t.Errorf("a default stands at %v", got)
	}
	e, _ := ruleOf(t, "        title: |\n          a +\n          b")
	end := e.Place(99, 99)
	if end != e.Place(3, 1) || end.Line > 13 {
		t.Errorf("past the end is %v", end)
	}
	if got := e.Place(-5, 0); got != e.At {
		t.Errorf("before the beginning is %v, want %v", got, e.At)
	}
}

// Whatever is written in double or single quotes, every letter is found again.
func TestPlaceFindsEveryLetter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune(`ab "'\é+`)), 1, 30, -1).Draw(t, "text") + "z"
		written := "'" + strings.ReplaceAll(text, "'", "''") + "'"
		if rapid.Bool().Draw(t, "double") {
			written = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
		}
		e, lines := ruleOf(t, "        title: "+written)
		if e.Text != text {
			t.Fatalf("%s reads as %q", written, e.Text)
		}
		for i, r := range []rune(text) {
			at := e.Place(1, i+1)
			got := []rune(lines[at.Line-1])[at.Col-1]
			if r != got && !(r == '"' && got == '\\') {
				t.Fatalf("character %d of %q is at %v, where %q stands", i, text, at, got)
			}
		}
	})
}
