package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// folder writes files into a new folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const sourcesAndTargets = `version: 1
sources:
  sims: {type: sims-id, credentials: [{organisation: 3b1e2f64-9c0d-4c3e-8a51-0f6f0d7c9b12, clientID: env:A, clientSecret: env:B}]}
targets:
  directory: {type: scim, url: https://idp.example, auth: {type: bearer, token: env:T}}
`

const (
	mappingsPart = "mappings:\n  standard: {users: {attributes: {userName: person.id}}}\n"
	sitesPart    = "sites:\n  - {match: {dfe: %}, targets: [directory], mapping: standard}\n"
)

func site(dfe string) string { return strings.ReplaceAll(sitesPart, "%", dfe) }

func TestLoadFolderInNameOrder(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{
		"20-sites.yml":  "version: 1\n" + site("2222222"),
		"10-base.yaml":  sourcesAndTargets + mappingsPart + site("1111111"),
		"30-more.yaml":  "mappings:\n  other: {adopt: true}\nsafeguards: {createUsers: {count: 1}}\n" + site("3333333"),
		"40-guard.yaml": "safeguards: {renameUsers: {count: 1}}\n",
		"readme.txt":    "not: [read",
	})
	cfg, problems := Load(dir)
	if problems != nil {
		t.Fatal(problems)
	}
	var got []string
	for _, s := range cfg.Entries() {
		got = append(got, filepath.Base(s.At.File)+" "+s.When.DfE)
	}
	want := []string{"10-base.yaml 1111111", "20-sites.yml 2222222", "30-more.yaml 3333333"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sites -want +got:\n%s", diff)
	}
	if len(cfg.Mappings) != 2 || cfg.Safeguards["createUsers"] == nil || cfg.Safeguards["renameUsers"] == nil {
		t.Errorf("maps are not merged: %d mappings, safeguards %v", len(cfg.Mappings), cfg.Safeguards)
	}
}

func TestLoadReportsAcrossFiles(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{
		"a.yaml": sourcesAndTargets + mappingsPart + site("1111111") + "run: {parallel: 3}\n",
		"b.yaml": "mappings:\n  standard: {adopt: true}\n  third: {adopt: maybe}\nrun: {parallel: 4}\nsites:\n  - {match: '*', targets: [nowhere], mapping: third}\n",
		"c.yaml": "sources: [a]\nsites: 3\n",
	})
	_, problems := Load(dir)
	want := []string{
		"b.yaml:2:3: mappings.standard: this name is already taken at a.yaml:7:3",
		"b.yaml:3:18: mappings.third.adopt: must be true or false, not a text",
		"b.yaml:4:1: run: this section stands in one file only; it is already at a.yaml:10:1",
		`b.yaml:6:28: sites[1].targets[0]: there is no "nowhere" under targets; allowed: directory`,
		"c.yaml:1:10: sources: must be a map, not a list",
		"c.yaml:2:8: sites: must be a list, such as [a, b], not a number",
	}
	got := strings.Split(strings.ReplaceAll(problems.Error(), dir+string(filepath.Separator), ""), "\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestLoadUnreadable(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"big.yaml": "version: 1\n" + strings.Repeat("#\n", mostBytes/2)})
	empty := t.TempDir()
	for name, c := range map[string]struct {
		paths []string
		want  string
	}{
		"none":         {nil, "no configuration file was given"},
		"missing":      {[]string{filepath.Join(dir, "no.yaml")}, "no such file"},
		"empty folder": {[]string{empty}, "holds no *.yaml or *.yml file"},
		"too large":    {[]string{filepath.Join(dir, "big.yaml")}, "larger than 4 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, problems := Load(c.paths...)
			if cfg != nil || len(problems) != 1 || !strings.Contains(problems.Error(), c.want) {
				t.Errorf("got %v and %q, want only %q", cfg, problems, c.want)
			}
		})
	}
}

func TestTemplate(t *testing.T) {
	t.Parallel()
	cfg, problems := Parse("template.yaml", Template())
	if problems != nil {
		t.Fatal(problems)
	}
	if s, ok := cfg.Resolve(SiteRef{Source: "sims", ID: "x"}); !ok || s.Users.Attributes[0].Path.Value != "userName" {
		t.Errorf("the template's entry does not take every school")
	}
}

// The safeguards of the template are the defaults written out: who edits them should
// see what would hold without them.
func TestTemplateShowsDefaultSafeguards(t *testing.T) {
	t.Parallel()
	cfg, _ := Parse("template.yaml", Template())
	if diff := cmp.Diff(defaultSafeguards(), cfg.Safeguards); diff != "" {
		t.Errorf("-defaults +template:\n%s", diff)
	}
}

func TestProblemsErr(t *testing.T) {
	t.Parallel()
	if err := (Problems{}).Err(); err != nil {
		t.Errorf("no problems are an error: %v", err)
	}
	if err := (Problems{{What: "x"}}).Err(); err == nil || err.Error() != "x" {
		t.Errorf("got %v", err)
	}
}
