package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// figure is one measurement and, where there is one, its requirement.
type figure struct {
	Scenario string `json:"scenario"`
	What     string `json:"what"`
	// Unit is "requests", "bytes", "s", "ms", "MiB", "×", "persons/s", "rows/s", or empty.
	Unit  string  `json:"unit"`
	Value float64 `json:"value"`
	// Low and High are the extremes where Value is a median of several.
	Low  float64 `json:"low,omitempty"`
	High float64 `json:"high,omitempty"`
	// Bound says what is required: "<=", "<", ">=", "=", or "" for nothing.
	Bound string  `json:"bound,omitempty"`
	Limit float64 `json:"limit"`
	Note  string  `json:"note,omitempty"`
}

func (f figure) missed() bool {
	switch f.Bound {
	case "<=":
		return f.Value > f.Limit
	case "<":
		return f.Value >= f.Limit
	case ">=":
		return f.Value < f.Limit
	case "=":
		return f.Value != f.Limit
	default:
		return false
	}
}

func (f figure) verdict() string {
	switch {
	case f.Bound == "":
		return ""
	case f.missed():
		return "MISSED"
	default:
		return "ok"
	}
}

// share is the value as a part of the limit, which is what can be compared between
// machines and figures.
func (f figure) share() string {
	if f.Bound == "" || f.Limit == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", f.Value/f.Limit)
}

func number(v float64, unit string) string {
	switch unit {
	case "requests", "bytes", "persons/s", "rows/s":
		return fmt.Sprintf("%.0f", v)
	case "MiB":
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

func (f figure) measured() string {
	s := number(f.Value, f.Unit)
	if f.Low != 0 || f.High != 0 {
		s += fmt.Sprintf(" (%s–%s)", number(f.Low, f.Unit), number(f.High, f.Unit))
	}
	return s + " " + f.Unit
}

func (f figure) required() string {
	if f.Bound == "" {
		return ""
	}
	return f.Bound + " " + number(f.Limit, f.Unit)
}

// table prints the figures.
func table(w io.Writer, figures []figure) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "scenario\tfigure\tmeasured\trequired\tof limit\t\tnote")
	for _, f := range figures {
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			f.Scenario, f.What, f.measured(), f.required(), f.share(), f.verdict(), f.Note)
	}
	if err := t.Flush(); err != nil { // it keeps the first error of all writes
		return fmt.Errorf("print the figures: %w", err)
	}
	return nil
}

// median returns the middle of the values, and their extremes. It sorts them.
func median[N cmp.Ordered](values []N) (middle, low, high N) {
	slices.Sort(values)
	return values[len(values)/2], values[0], values[len(values)-1]
}

// memory is a figure of peak memory; a limit of 0 is none.
func memory(what string, r *result, limit float64, note string) figure {
	f := figure{What: what, Unit: "MiB", Value: r.PeakMiB, Note: note}
	if limit > 0 {
		f.Bound, f.Limit = "<", limit
	}
	return f
}
