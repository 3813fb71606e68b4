package entra

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"simscim/connector/plan"
	"simscim/scim"
)

func TestRecord(t *testing.T) {
	t.Parallel()
	department := scim.MustPath(scim.EnterpriseURN + ":department")
	after := scim.Attributes{
		{Path: "active", Value: true}, {Path: "displayName", Value: "Ann"}, {Path: "password", Value: "correct horse"}, {Path: "title", Value: ""},
	}
	for name, tt := range map[string]struct {
		change plan.Change
		want   string
	}{
		"create": {
			plan.Change{Action: plan.CreateUser, Key: "k", After: after},
			`{"schemas":["` + scim.UserURN + `","` + scim.EnterpriseURN + `"],"externalId":"k","active":true,"displayName":"Ann"}`,
		},
		"what is taken away": {
			plan.Change{Action: plan.UpdateUser, Key: "k", After: after[:2], Set: []plan.Field{{Path: "title", Before: "x"}, {Path: department}, {Path: workMail, After: ""}}},
			`{"schemas":["` + scim.UserURN + `","` + scim.EnterpriseURN + `"],"externalId":"k","active":true,"displayName":"Ann","title":null,` +
				`"` + scim.EnterpriseURN + `":{"department":null},"emails":[{"type":"work","value":null}]}`,
		},
		"what is written only once": {
			plan.Change{
				Action: plan.UpdateUser, Key: "k", After: after[:2], CreateOnly: []scim.Path{"displayName"},
				Set: []plan.Field{{Path: "active", Before: false, After: true}},
			},
			`{"schemas":["` + scim.UserURN + `","` + scim.EnterpriseURN + `"],"externalId":"k","active":true}`,
		},
		"and made": {
			plan.Change{Action: plan.CreateUser, Key: "k", After: after[:2], CreateOnly: []scim.Path{"displayName"}},
			`{"schemas":["` + scim.UserURN + `","` + scim.EnterpriseURN + `"],"externalId":"k","active":true,"displayName":"Ann"}`,
		},
		"suspend": {
			plan.Change{Action: plan.SuspendUser, Key: "k", After: scim.Attributes{{Path: "active", Value: false}}, Set: []plan.Field{{Path: "active", After: false}}},
			`{"schemas":["` + scim.UserURN + `","` + scim.EnterpriseURN + `"],"externalId":"k","active":false}`,
		},
		"its own namespace": {
			plan.Change{Action: plan.CreateUser, Key: "k", After: scim.Attributes{{Path: scim.MustPath("urn:oakfield:2.0:User:house"), Value: "Red"}}},
			`{"schemas":["` + scim.UserURN + `","urn:oakfield:2.0:User","` + scim.EnterpriseURN + `"],"externalId":"k","urn:oakfield:2.0:User":{"house":"Red"}}`,
		},
	} {
		b, err := json.Marshal(record(&tt.change))
		if err != nil {
			t.Fatal(err)
		}
		var got, want any
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(tt.want), &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if len(after) != 4 || after[2].Path != "password" {
		t.Error("the change itself was changed")
	}
}
