package notice

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"simscim/config"
)

// TestDocs holds the examples of docs/notices.md against what simscim takes and sends.
func TestDocs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/notices.md")
	if err != nil {
		t.Fatal(err)
	}
	const rest = `version: 1
sources: {files: {type: oneroster-csv, path: roster.zip}}
targets: {d: {type: scim, url: https://x.example, auth: {type: bearer, token: env:T}}}
mappings: {m: {users: {attributes: {userName: person.id}}}}
sites: [{match: '*', targets: [d], mapping: m}]
`
	types := map[string]bool{}
	for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(text, -1) {
		cfg, problems := config.Parse("docs/notices.md", append([]byte(rest), block[1]...))
		if len(problems) > 0 {
			t.Errorf("%s\n%s", problems.Error(), block[1])
			continue
		}
		types[cfg.Notices[0].Type] = true
	}
	if len(types) != 4 {
		t.Errorf("examples of %v, want one of each type", types)
	}
	blocks := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(text, -1)
	if len(blocks) != 1 {
		t.Fatalf("%d JSON examples, want 1", len(blocks))
	}
	want, err := os.ReadFile("testdata/webhook.held.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(blocks[0][1]), "\n")); diff != "" {
		t.Errorf("the JSON example (-sent +documented):\n%s", diff)
	}
}
