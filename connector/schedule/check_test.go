package schedule

import (
	"fmt"
	"strings"
	"testing"

	"simscim/config"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	const text = `version: 1
sources: {sims: {type: sims-id, vendor: {application: 00000000-0000-4000-8000-000000000001, organisation: 00000000-0000-4000-8000-000000000002, clientID: env:A, clientSecret: env:B}}}
targets: {d: {type: scim, url: https://x.example, auth: {type: bearer, token: env:T}}}
mappings: {m: {users: {attributes: {userName: person.id}}}}
sites:
%s`
	for name, tc := range map[string]struct {
		sites string
		want  []string
	}{
		"good":    {`- {match: '*', targets: [d], mapping: m, schedule: "15 2 * * *"}`, nil},
		"default": {`- {match: '*', targets: [d], mapping: m}`, nil},
		"several": {`- {match: {dfe: 1234567}, targets: [d], mapping: m, schedule: "*/90 * * * *"}
- {match: {dfe: 1234568}, targets: [d], mapping: m, schedule: "0 0 31 2 *"}
- {match: {dfe: 1234569}, targets: [d], mapping: m, schedule: "TZ=0 1 2 3 4"}
- {match: '*', targets: [d], mapping: m, schedule: "@daily"}`, []string{"f.yaml:6:", "f.yaml:7:", "f.yaml:8:", "f.yaml:9:"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, problems := config.Parse("f.yaml", fmt.Appendf(nil, text, tc.sites))
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			got := Check(cfg)
			if len(got) != len(tc.want) {
				t.Fatalf("got %v", got)
			}
			for i, p := range got {
				if !strings.HasPrefix(p.String(), tc.want[i]) || p.At.Col == 0 {
					t.Errorf("problem %d is %s, want it at %s", i, p, tc.want[i])
				}
			}
		})
	}
}
