package world

import (
	"fmt"
	"slices"
	"strings"
)

// sitePlan is what a school is built from.
type sitePlan struct {
	phase         string
	pupils, staff int
	houses        int
}

// preset is a world in outline. The sizes follow the published averages of English
// schools: 275 pupils in a primary, 1,063 in a secondary.
type preset struct {
	name  string
	about string
	sites func(dice) []sitePlan
}

func presets() []preset {
	one := func(p sitePlan) func(dice) []sitePlan {
		return func(dice) []sitePlan { return []sitePlan{p} }
	}
	return []preset{
		{"tiny", "one primary school of 60", one(sitePlan{Primary, 60, 10, 3})},
		{"primary", "one primary school", one(sitePlan{Primary, 275, 30, 4})},
		{"secondary", "one secondary school, 11-18", one(sitePlan{Secondary, 1063, 130, 5})},
		{"mat-small", "a trust of five schools", smallTrust},
		{"mat-large", "a trust of 75 schools", largeTrust},
	}
}

// Presets lists the names that Options.Preset may have.
func Presets() []string {
	var names []string
	for _, p := range presets() {
		names = append(names, p.name)
	}
	return names
}

func presetNamed(name string) (preset, error) {
	all := presets()
	i := slices.IndexFunc(all, func(p preset) bool { return p.name == name })
	if i < 0 {
		return preset{}, fmt.Errorf("there is no preset %q; there are %s", name, strings.Join(Presets(), ", "))
	}
	return all[i], nil
}

func smallTrust(dice) []sitePlan {
	return []sitePlan{
		{Primary, 210, 24, 4},
		{Primary, 315, 34, 4},
		{Primary, 245, 27, 4},
		{Primary, 330, 35, 4},
		{Secondary, 1063, 130, 5},
	}
}

// largeTrust has 45 primaries, 28 secondaries and 2 special schools whose sizes
// spread around the averages.
func largeTrust(d dice) []sitePlan {
	var plans []sitePlan
	scale := func(n int) float64 {
		// Sizes come in pairs around the mean, so the whole stays near the average.
		return 1 + 0.4*(float64(len(plans)%n)/float64(n-1)-0.5)*2
	}
	for range 45 {
		f := scale(9)
		plans = append(plans, sitePlan{Primary, int(275 * f), int(34 * f), 4})
	}
	for range 28 {
		f := scale(7)
		plans = append(plans, sitePlan{Secondary, int(1063 * f), int(140 * f), 4 + d.IntN(3)})
	}
	for range 2 {
		plans = append(plans, sitePlan{Special, 110, 70, 0})
	}
	return plans
}
