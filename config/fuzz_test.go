package config

import (
	"os"
	"strings"
	"testing"
	"time"
)

// FuzzParse: whatever the file holds, Parse returns, says something when it returns
// no configuration, and never repeats what stands where a secret belongs.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"good.every-key", "good.anchors-and-merge-keys", "bad.secrets", "bad.aliases", "bad.wrong-types"} {
		data, err := os.ReadFile("testdata/" + name + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("version: 1\ntargets: {a: {auth: {token: CANARY}}}\n"))
	f.Add([]byte("a: &a [*a]\n<<: *a\n"))
	f.Add([]byte("? [a]\n: {b: !!str\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, problems := Parse("f.yaml", data)
		if cfg == nil && len(problems) == 0 {
			t.Fatal("neither a configuration nor a problem")
		}
		if cfg != nil {
			for _, s := range cfg.Entries() {
				s.Describe()
				s.matches(SiteRef{Name: "Oakfield", DfE: "1234567"})
				for _, r := range s.Users.Attributes {
					r.Value.Place(2, 7)
				}
			}
		}
		_ = problems.Error()
	})
}

// FuzzSecret puts a text where a secret reference belongs, in every way of writing it.
func FuzzSecret(f *testing.F) {
	f.Add("hunter2-canary")
	f.Add("Bearer: hunter2")
	f.Add("https://user:hunter2@host")
	f.Fuzz(func(t *testing.T, secret string) {
		if len(secret) < 6 || strings.HasPrefix(secret, "env:") || strings.HasPrefix(secret, "file:") {
			t.Skip()
		}
		quoted := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
		for _, form := range []string{"%", "[%]", "{a: %}"} {
			report := func(s string) string {
				token := strings.Replace(form, "%", quoted(s), 1)
				_, problems := Parse("f.yaml", []byte(strings.Replace(sourcesAndTargets, "env:T", token, 1)+mappingsPart+site("1111111")))
				return problems.Error()
			}
			got := report(secret)
			if got == "" {
				t.Fatalf("%q was taken for a reference", secret)
			}
			// A text that the messages use anyway is not given away by them.
			if strings.Contains(got, secret) && !strings.Contains(report("neutral"), secret) {
				t.Fatalf("the secret %q is repeated in %q", secret, got)
			}
		}
	})
}

// Files that are made to be slow are refused, or read, in good time.
func TestHostileFiles(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"brackets":      strings.Repeat("[", 1<<17),
		"braces":        "a: " + strings.Repeat("{a: ", 1<<16),
		"dashes":        strings.Repeat("- ", 1<<17),
		"indentation":   staircase(1200),
		"keys":          manyKeys(50_000),
		"question mark": strings.Repeat("? ", 1<<14),
		"anchors":       strings.Repeat("&a ", 1<<14),
		"tags":          strings.Repeat("!a ", 1<<14),
		"quotes":        strings.Repeat(`"`, 1<<16),
		"documents":     strings.Repeat("---\n", 1<<16),
		"merges":        strings.Repeat("<<: ", 1<<14),
		"long text":     "version: " + strings.Repeat("x", 1<<19),
		"long key":      strings.Repeat("x", 1<<19) + ": 1",
		"NUL":           "version: \x00",
		"escapes":       `a: "` + strings.Repeat(`\"`, 1<<18) + `"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			_, problems := Parse("h.yaml", []byte(text))
			if len(problems) == 0 {
				t.Error("no problem was found")
			}
			if n := len(problems.Error()); n > 1<<20 {
				t.Errorf("the report is %d bytes long", n)
			}
			if took := time.Since(start); took > time.Minute {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func staircase(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func manyKeys(n int) string {
	return strings.Repeat("k: v\n", n)
}
