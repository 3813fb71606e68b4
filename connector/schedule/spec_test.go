package schedule_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/robfig/cron/v3"
	"pgregory.net/rapid"

	"simscim/connector/schedule"
)

// fataler is what *testing.T and *rapid.T have in common.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatalf("load zone: %v", err)
	}
	return loc
}

func mustParse(t fataler, text string, loc *time.Location) schedule.Spec {
	t.Helper()
	s, err := schedule.Parse(text, loc)
	if err != nil {
		t.Fatalf("parse %q: %v", text, err)
	}
	return s
}

// between lists the slots after from and up to until.
func between(s schedule.Spec, from, until time.Time) []string {
	var got []string
	for at := s.Next(from); !at.IsZero() && !at.After(until); at = s.Next(at) {
		got = append(got, at.UTC().Format("02 15:04"))
	}
	return got
}

func TestSlotsAtClockChanges(t *testing.T) {
	t.Parallel()
	london := zone(t, "Europe/London")
	// 28 March 2027: 01:00 GMT becomes 02:00 BST. 25 October 2026: 02:00 BST becomes 01:00 GMT.
	spring := time.Date(2027, 3, 27, 12, 0, 0, 0, time.UTC)
	autumn := time.Date(2026, 10, 24, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		spec string
		from time.Time
		want []string // UTC, for two days
	}{
		{"30 1 * * *", spring, []string{"28 01:00", "29 00:30"}},
		{"0 1 * * *", spring, []string{"28 01:00", "29 00:00"}},
		{"0,30 1,2 * * *", spring, []string{"28 01:00", "28 01:30", "29 00:00", "29 00:30", "29 01:00", "29 01:30"}},
		{"30 0 * * *", spring, []string{"28 00:30", "28 23:30"}},
		{"15 2 * * *", spring, []string{"28 01:15", "29 01:15"}},
		{"30 1 28 3 *", spring, []string{"28 01:00"}},
		{"30 1 * * *", autumn, []string{"25 00:30", "26 01:30"}},
		{"0 1 * * *", autumn, []string{"25 00:00", "26 01:00"}},
		{"59 1 * * *", autumn, []string{"25 00:59", "26 01:59"}},
		{"0,30 1,2 * * *", autumn, []string{"25 00:00", "25 00:30", "25 02:00", "25 02:30", "26 01:00", "26 01:30", "26 02:00", "26 02:30"}},
		{"15 2 * * *", autumn, []string{"25 02:15", "26 02:15"}},
		{"30 1 * * sun", autumn, []string{"25 00:30"}},
		{"0 * 28 3 *", spring, hours("28", 0, 22)},
		{"0 * 25 10 *", autumn, slices.Concat([]string{"24 23:00"}, hours("25", 0, 23))},
		{"*/30 0-23 25 10 *", autumn, halves("24", "25")},
	}
	for _, tc := range tests {
		t.Run(tc.spec, func(t *testing.T) {
			t.Parallel()
			got := between(mustParse(t, tc.spec, london), tc.from, tc.from.Add(48*time.Hour))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("slots (-want +got):\n%s", diff)
			}
		})
	}
}

func hours(day string, from, to int) []string {
	var out []string
	for h := from; h <= to; h++ {
		out = append(out, day+" "+time.Date(2000, 1, 1, h, 0, 0, 0, time.UTC).Format("15:04"))
	}
	return out
}

// halves lists the half hours of the London day that begins at 23:00 UTC and has 25 hours.
func halves(before, day string) []string {
	out := []string{before + " 23:00", before + " 23:30"}
	for h := range 24 {
		for _, m := range []int{0, 30} {
			out = append(out, day+" "+time.Date(2000, 1, 1, h, m, 0, 0, time.UTC).Format("15:04"))
		}
	}
	return out
}

func TestOddZones(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, zone, spec string
		from             time.Time
		want             []string
	}{
		{"half an hour forward", "Australia/Lord_Howe", "15 2 * * *", time.Date(2026, 10, 3, 0, 0, 0, 0, time.UTC), []string{"03 15:30", "04 15:15"}},
		{"no midnight", "America/Santiago", "0 0 * * *", time.Date(2026, 9, 5, 12, 0, 0, 0, time.UTC), []string{"06 04:00", "07 03:00"}},
		{"no 30 December", "Pacific/Apia", "0 9 * * *", time.Date(2011, 12, 29, 0, 0, 0, 0, time.UTC), []string{"29 19:00", "30 10:00", "30 19:00"}},
		{"no changes", "UTC", "30 1 * * *", time.Date(2026, 10, 24, 12, 0, 0, 0, time.UTC), []string{"25 01:30", "26 01:30"}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got := between(mustParse(t, tc.spec, zone(t, tc.zone)), tc.from, tc.from.Add(48*time.Hour))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("slots (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLeapDayAcrossCentury(t *testing.T) {
	t.Parallel()
	s := mustParse(t, "0 3 29 2 *", time.UTC)
	got := s.Next(time.Date(2096, 3, 1, 0, 0, 0, 0, time.UTC))
	if want := time.Date(2104, 2, 29, 3, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("next 29 February after 2096 = %s, want %s", got, want)
	}
	if got, want := s.Prev(time.Date(2104, 2, 29, 2, 59, 0, 0, time.UTC)), time.Date(2096, 2, 29, 3, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("newest slot = %s, want %s", got, want)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"":                                      "empty",
		"  \t ":                                 "empty",
		"@daily":                                "five fields",
		"@every 0s":                             "five fields",
		"@every 5s":                             "five fields",
		"TZ=0":                                  "time zone",
		"CRON_TZ=Europe/London":                 "time zone",
		"TZ=Europe/Paris 0 2 * * *":             "time zone",
		"0 2 * *":                               "4 fields",
		"0 0 2 * * *":                           "6 fields",
		"0 0 31 2 *":                            "never run",
		"0 0 30 2 *":                            "never run",
		"0 0 * * 7":                             "Sunday",
		"0 0 * * 5-7":                           "Sunday",
		"60 * * * *":                            "above maximum",
		"*/0 * * * *":                           "step",
		"*/60 * * * *":                          "step",
		"*/90 * * * *":                          "step",
		"*/x * * * *":                           "step",
		"*/-1 * * * *":                          "step",
		"5-1 * * * *":                           "beyond end",
		", * * * *":                             "comma",
		"1, * * * *":                            "comma",
		"*-5 * * * *":                           "range",
		"1-2-3 * * * *":                         "hyphens",
		"1/2/3 * * * *":                         "step",
		"a b c d e":                             "parse int",
		"\x00 * * * *":                          "parse int",
		strings.Repeat("1,", 300) + "1 * * * *": "longer",
	}
	for text, want := range tests {
		s, err := schedule.Parse(text, time.UTC)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%.40q) = %v, want an error with %q", text, err, want)
		}
		if !s.IsZero() {
			t.Errorf("Parse(%.40q) gave a schedule besides its error", text)
		}
	}
	if _, err := schedule.Parse("0 2 * * *", nil); err == nil {
		t.Error("Parse without a zone gave no error")
	}
}

func TestParseTrims(t *testing.T) {
	t.Parallel()
	s := mustParse(t, " \t15  2 * * MON-FRI \n", time.UTC)
	if got := s.String(); got != "15 2 * * MON-FRI" {
		t.Errorf("String() = %q", got)
	}
	if (schedule.Spec{}).Next(time.Unix(0, 0)).IsZero() == false {
		t.Error("the zero Spec fires")
	}
}

// drawSpec makes expressions that are valid and fire at least once a year.
func drawSpec(t *rapid.T) string {
	minute := rapid.SampledFrom([]string{"0", "30", "59", "*/15", "*", "5,35", "10-20/5"}).Draw(t, "minute")
	hour := rapid.SampledFrom([]string{"*", "0", "1", "2", "0-23", "1-3", "*/2", "0,1,23"}).Draw(t, "hour")
	day := rapid.SampledFrom([]string{"* * *", "* 3,10 *", "* * sun", "25-31 * *", "1 * mon"}).Draw(t, "day")
	return minute + " " + hour + " " + day
}

// The model walks through real time minute by minute: a named hour is begun when the
// clock first shows it or has jumped over it, every hour whenever the clock shows it.
func TestNextAgreesWithModel(t *testing.T) {
	t.Parallel()
	london := zone(t, "Europe/London")
	rapid.Check(t, func(t *rapid.T) {
		text := drawSpec(t)
		s := mustParse(t, text, london)
		start := rapid.SampledFrom([]time.Time{
			time.Date(2027, 3, 27, 22, 0, 0, 0, time.UTC),
			time.Date(2026, 10, 24, 22, 0, 0, 0, time.UTC),
			time.Date(2026, 6, 30, 22, 0, 0, 0, time.UTC),
		}).Draw(t, "start")
		end := start.Add(30 * time.Hour)
		hourly := strings.Fields(text)[1] == "*" || strings.Fields(text)[1] == "0-23"

		want := model(t, text, london, start, end, hourly)
		var got []time.Time
		for at := s.Next(start); !at.After(end); at = s.Next(at) {
			got = append(got, at)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s after %s (-model +got):\n%s", text, start, diff)
		}
		at := start.Add(time.Duration(rapid.IntRange(0, 30*3600).Draw(t, "seconds")) * time.Second)
		prev := s.Prev(at)
		if prev.After(at) || !s.Next(prev).After(at) {
			t.Fatalf("%s: Prev(%s) = %s, and the next is %s", text, at, prev, s.Next(prev))
		}
	})
}

func model(t *rapid.T, text string, loc *time.Location, start, end time.Time, hourly bool) []time.Time {
	t.Helper()
	parsed, err := cron.ParseStandard("CRON_TZ=UTC " + text)
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	matches := func(wall time.Time) bool { return parsed.Next(wall.Add(-time.Second)).Equal(wall) }
	wallAt := func(at time.Time) time.Time {
		l := at.In(loc)
		return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), 0, 0, time.UTC)
	}
	var out []time.Time
	shown := wallAt(start) // the furthest that the clock has been
	for at := start.Add(time.Minute); !at.After(end); at = at.Add(time.Minute) {
		wall := wallAt(at)
		if hourly {
			if matches(wall) {
				out = append(out, at)
			}
			continue
		}
		for due := false; shown.Before(wall); {
			shown = shown.Add(time.Minute)
			if matches(shown) && !due {
				due = true
				out = append(out, at)
			}
		}
	}
	return out
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"15 2 * * *", "TZ=0", "@every 0s", "*/5 1-3 1,15 jan-mar mon", "0 0 31 2 *", "?-? */1 * * *"} {
		f.Add(s)
	}
	after := time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := schedule.Parse(text, time.UTC)
		if err != nil {
			return
		}
		if next := s.Next(after); !next.After(after) {
			t.Errorf("Next(%s) of %q = %s", after, text, next)
		}
		if again, err := schedule.Parse(s.String(), time.UTC); err != nil || again.String() != s.String() {
			t.Errorf("String of %q does not parse to itself: %v", text, err)
		}
	})
}
