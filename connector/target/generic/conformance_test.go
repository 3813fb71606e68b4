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
		"bulk":             {bulk: 40, checkMembers: true},
		"bulk by bytes":    {bulk: 1000, bulkBytes: 9000, bulkObject: true},
		"bulk cut off":     {bulk: 50, bulkStops: 7, checkMembers: true},
		"bulk, versions":   {bulk: 60, versions: true},
		"search":           {search: true},
		"odd discovery":    {oddDiscovery: true, checkMembers: true, maxMembers: 50},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			targettest.Run(t, func(t *testing.T) *targettest.Fixture {
				_, url := newFake(t, q)
				return fixtureWith(t, url, "token", "auto", q.traits(), targettest.Fixture{Unique: true, Checked: q.checkMembers})
			})
		})
	}
}
