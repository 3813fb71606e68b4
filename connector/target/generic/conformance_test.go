package generic_test

import (
	"testing"

	"simscim/connector/target/targettest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, q := range map[string]quirks{
		"plain":            {},
		"PUT only":         {noPatch: true, versions: true},
		"no filter":        {noFilter: true},
		"filter ignored":   {ignoreFilter: true, pageCap: 60},
		"members hidden":   {hideMembers: true},
		"small requests":   {maxMembers: 7, maxInline: 9, pageCap: 7},
		"cursors":          {cursors: true},
		"conflict is 400":  {conflict400: true, checkMembers: true},
		"201 without body": {mute: true},
		"201 with nothing": {silent: true, checkMembers: true},
		"versions":         {versions: true},
		"no discovery":     {noDiscovery: true},
		"odd discovery":    {oddDiscovery: true, checkMembers: true, maxMembers: 50},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			targettest.Run(t, func(t *testing.T) *targettest.Fixture {
				_, url := newFake(t, q)
				return fixture(t, url, "token", "auto", targettest.Fixture{Unique: true, Checked: q.checkMembers})
			})
		})
	}
}
