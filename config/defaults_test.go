package config

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Every default of a tag must fit its field; setDefault panics if one does not.
func TestDefaultTagsFit(t *testing.T) {
	t.Parallel()
	for _, typ := range []reflect.Type{
		reflect.TypeFor[Config](), reflect.TypeFor[Source](), reflect.TypeFor[Vendor](), reflect.TypeFor[Credential](),
		reflect.TypeFor[Target](), reflect.TypeFor[Mapping](), reflect.TypeFor[AttributeRule](), reflect.TypeFor[GroupRule](),
		reflect.TypeFor[Site](), reflect.TypeFor[Override](), reflect.TypeFor[Leavers](), reflect.TypeFor[Safeguard](),
	} {
		setDefaults(reflect.New(typ).Elem())
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	cfg, problems := parseFile(t, "testdata/good.minimal.yaml")
	if problems != nil {
		t.Fatal(problems)
	}
	src, tgt, m, s := cfg.Sources["sims"], cfg.Targets["directory"], cfg.Mappings["standard"], cfg.Sites[0]
	type values struct {
		Environment, API, Profile, Schedule, Zone, DSN, Include, Match, Apply string
		Source, Target                                                        Limits
		Timeout, Jitter                                                       time.Duration
		Leavers                                                               Leavers
	}
	got := values{
		src.Environment, src.API, tgt.Profile, s.Schedule.Value, cfg.Run.TimeZone, cfg.Store.DSN, m.Users.Include.Text,
		m.Match[0].Value, m.Users.Attributes[0].Apply, src.Limits, tgt.Limits, tgt.Timeout.Duration, cfg.Run.Jitter.Duration, cfg.Leavers,
	}
	want := values{
		"live", "provisioning", "auto", "15 2 * * *", "Europe/London", "file:simscim.db",
		"person.state == 'current' && person.kind in ['student', 'staff']", "externalId", "",
		Limits{PerSecond: 5, InFlight: 4},
		Limits{PerSecond: 20, InFlight: 8},
		30 * time.Second, 10 * time.Minute,
		Leavers{2, 24, 90},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A zero that is written down is not a default.
func TestExplicitZeroStays(t *testing.T) {
	t.Parallel()
	cfg, problems := parseFile(t, "testdata/good.every-key.yaml")
	if problems != nil {
		t.Fatal(problems)
	}
	if l := cfg.Sources["sims"].Limits; l != (Limits{PerSecond: 0, InFlight: 1}) {
		t.Errorf("limits are %+v", l)
	}
	if cfg.Run.Jitter.Duration != 0 || cfg.Leavers.GraceHours != 0 || cfg.Sites[0].Leavers.DeleteAfterDays != 0 {
		t.Errorf("zeros became defaults: %+v %+v %+v", cfg.Run, cfg.Leavers, cfg.Sites[0].Leavers)
	}
	if p := cfg.Safeguards["deleteUsers"].Percent; p == nil || *p != 0 {
		t.Errorf("deleteUsers.percent is %v", p)
	}
	if l := *cfg.Sites[0].Leavers; l != (Leavers{3, 0, 0}) {
		t.Errorf("a site's leavers do not inherit the general ones: %+v", l)
	}
}

func TestScalarsKeepTheirText(t *testing.T) {
	t.Parallel()
	cfg, problems := parseFile(t, "testdata/good.text-of-numbers.yaml")
	if problems != nil {
		t.Fatal(problems)
	}
	want := map[string]string{"a": "007", "b": "1.50", "c": "no", "d": "true"}
	if diff := cmp.Diff(want, cfg.Sites[0].Vars); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := cfg.Sites[0].Match.DfE; got != "0234567" {
		t.Errorf("the DfE number is %q", got)
	}
}

func TestMergeKeysAndAliases(t *testing.T) {
	t.Parallel()
	cfg, problems := parseFile(t, "testdata/good.anchors-and-merge-keys.yaml")
	if problems != nil {
		t.Fatal(problems)
	}
	m := cfg.Mappings
	if !m["standard"].Adopt || m["staff"].Adopt || m["pupils"].Adopt {
		t.Errorf("adopt: %v %v %v", m["standard"].Adopt, m["staff"].Adopt, m["pupils"].Adopt)
	}
	for name, mapping := range m {
		if len(mapping.Users.Attributes) != 1 {
			t.Errorf("%s has %d attributes", name, len(mapping.Users.Attributes))
		}
	}
}
