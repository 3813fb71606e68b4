package translit_test

import (
	"strings"
	"testing"

	"simscim/internal/translit"
)

func TestASCII(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                      "",
		"Smith":                 "Smith",
		"Łukasz":                "Lukasz",
		"Søren":                 "Soren",
		"Ærø":                   "AEro",
		"Weiß":                  "Weiss",
		"Đặng":                  "Dang",
		"Þór":                   "Thor",
		"Zoë":                   "Zoe",
		"Zoe\u0308":             "Zoe",
		"İlhan":                 "Ilhan",
		"Юлия":                  "Iuliia",
		"Илья":                  "Ilia",
		"王小明":                   "Wang Xiao Ming",
		"O’Neill":               "O'Neill",
		"D`Arcy":                "D'Arcy",
		"Smith‑Jones":           "Smith-Jones",
		"Smith — Jones":         "Smith - Jones",
		"  van\u00a0der  Berg ": "van der Berg",
		"Ann\tMarie\n":          "Ann Marie",
		"Zero\u200bWidth":       "ZeroWidth",
		"\U0001F600":            "",
		"\uFFFD\xff":            "",
		"\x00bell\x07":          "bell",
	} {
		if got := translit.ASCII(in); got != want {
			t.Errorf("ASCII(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCleanAndSlug(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, clean, slug string }{
		{"van der Berg", "vanderberg", "van-der-berg"},
		{"O’Neill", "oneill", "oneill"},
		{"Smith-Jones", "smith-jones", "smith-jones"},
		{"10A/Ma 1", "10ama1", "10a-ma-1"},
		{"St. John", "st.john", "st.-john"},
		{"İLHAN", "ilhan", "ilhan"},
		{" (–) ", "-", ""},
		{"", "", ""},
	} {
		if got := translit.Clean(c.in); got != c.clean {
			t.Errorf("Clean(%q) = %q, want %q", c.in, got, c.clean)
		}
		if got := translit.Slug(c.in); got != c.slug {
			t.Errorf("Slug(%q) = %q, want %q", c.in, got, c.slug)
		}
	}
}

func TestUserName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"JSmith@Oakfield.sch.uk":            "jsmith@oakfield.sch.uk",
		"so’neill@oakfield.sch.uk":          "so'neill@oakfield.sch.uk",
		"j.van der berg@x.uk":               "j.vanderberg@x.uk",
		".smith@x.uk":                       ".smith@x.uk"[1:],
		"ann.@x.uk":                         "ann@x.uk",
		"a..b@x.uk":                         "a.b@x.uk",
		"first_last":                        "first_last",
		"@x.uk":                             "",
		"-@x.uk":                            "",
		"a@":                                "",
		"a@b@c":                             "",
		"a＠b@c.uk":                          "",
		"a@b..uk":                           "",
		"王小明@x.uk":                          "wangxiaoming@x.uk",
		"\U0001F600@x.uk":                   "",
		strings.Repeat("a", 65) + "@x.uk":   "",
		"a@" + strings.Repeat("b", 300):     "",
		"Ünal Öztürk@schule.de":             "unalozturk@schule.de",
		"a!#$%^&*()+={}[]|\\:;\"<>,?/b@x.y": "ab@x.y",
	} {
		if got := translit.UserName(in); got != want {
			t.Errorf("UserName(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzTranslit(f *testing.F) {
	for _, s := range []string{"", "Łukasz", "O’Neill@x.uk", "王小明", "a@b@c", "..@..", "\xff\xfe", "İ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for name, fn := range map[string]func(string) string{
			"ASCII": translit.ASCII, "Clean": translit.Clean, "Slug": translit.Slug, "UserName": translit.UserName,
		} {
			got := fn(s)
			for i := range len(got) {
				if got[i] < ' ' || got[i] >= 0x7f {
					t.Fatalf("%s(%q) = %q is not printable ASCII", name, s, got)
				}
			}
			if got != strings.TrimSpace(got) {
				t.Fatalf("%s(%q) = %q has blanks at its ends", name, s, got)
			}
			if again := fn(got); again != got {
				t.Fatalf("%s(%q) = %q, and of that %q", name, s, got, again)
			}
		}
	})
}
