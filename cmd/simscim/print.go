package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"

	"simscim/connector"
	"simscim/connector/plan"
)

// json prints v for machines.
func (c *cli) json(v any) error {
	enc := json.NewEncoder(c.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// reportStyle says how a report is printed as text.
type reportStyle struct {
	// plan prints the changes themselves, all or a few of each kind.
	plan, all bool
}

func (c *cli) printReport(r *connector.Report, style reportStyle) error {
	if c.output == "json" {
		return c.json(r)
	}
	if style.plan {
		for _, run := range r.Runs {
			c.printPlan(run, style.all)
		}
	}
	c.printTable(r, style.plan)
	for _, run := range r.Runs {
		c.printTroubles(run)
	}
	return nil
}

// words says for each counter what happens, before and after it has.
var words = []struct {
	counter    plan.Counter
	todo, done string
	sign       string
}{
	{plan.Counter(plan.AdoptUser), "users to adopt", "users adopted", "+"},
	{plan.Counter(plan.CreateUser), "users to create", "users created", "+"},
	{plan.Counter(plan.ReactivateUser), "users to reactivate", "users reactivated", "+"},
	{plan.Counter(plan.RenameUser), "users to rename", "users renamed", "~"},
	{plan.Counter(plan.UpdateUser), "users to update", "users updated", "~"},
	{plan.Counter(plan.AdoptGroup), "groups to adopt", "groups adopted", "+"},
	{plan.Counter(plan.CreateGroup), "groups to create", "groups created", "+"},
	{plan.Counter(plan.UpdateGroup), "groups to update", "groups updated", "~"},
	{plan.AddMember, "members to add", "members added", "+"},
	{plan.RemoveMember, "members to remove", "members removed", "-"},
	{plan.Counter(plan.DeleteGroup), "groups to delete", "groups deleted", "-"},
	{plan.Counter(plan.SuspendUser), "users to suspend", "users suspended", "-"},
	{plan.Counter(plan.DeleteUser), "users to delete", "users deleted", "-"},
}

// printTable prints one line a run and the totals.
func (c *cli) printTable(r *connector.Report, isPlan bool) {
	t := table.NewWriter()
	t.SetOutputMirror(c.out)
	t.SetStyle(table.StyleLight)
	t.Style().Options = table.Options{SeparateHeader: true}
	t.Style().Box.PaddingLeft = ""
	t.Style().Format.Header = text.FormatDefault
	t.Style().Format.Footer = text.FormatDefault
	header := table.Row{"School", "Target", "Status", "Changes", "Requests", "Seconds"}
	t.AppendHeader(header)
	for _, run := range r.Runs {
		t.AppendRow(table.Row{
			schoolName(run), dash(run.Target), string(run.Status), wrapChanges(run.Changes, isPlan, run.InGrace),
			fmt.Sprintf("%d read, %d sent", run.Requests.Source, run.Requests.Target), fmt.Sprintf("%.1f", run.Seconds),
		})
	}
	if len(r.Runs) > 1 {
		t.AppendSeparator()
		t.AppendRow(table.Row{
			fmt.Sprintf("%d in all", len(r.Runs)), "", "", wrapChanges(r.Totals.Changes, isPlan, 0),
			fmt.Sprintf("%d read, %d sent", r.Totals.Requests.Source, r.Totals.Requests.Target), fmt.Sprintf("%.1f", r.Totals.Seconds),
		})
	}
	t.Render()
}

// wrapChanges lists the counts, one a line.
func wrapChanges(changes map[plan.Counter]*connector.Tally, isPlan bool, inGrace int) string {
	var lines []string
	for _, w := range words {
		tally := changes[w.counter]
		switch {
		case tally == nil:
		case isPlan || tally.Applied == nil:
			lines = append(lines, fmt.Sprintf("%s %d %s", w.sign, tally.Planned, w.todo))
		case *tally.Failed > 0:
			lines = append(lines, fmt.Sprintf("%s %d of %d %s", w.sign, *tally.Applied, tally.Planned, w.done))
		default:
			lines = append(lines, fmt.Sprintf("%s %d %s", w.sign, *tally.Applied, w.done))
		}
	}
	if len(lines) == 0 {
		lines = append(lines, "nothing to change")
	}
	if inGrace > 0 {
		lines = append(lines, fmt.Sprintf("  %d missing, in grace", inGrace))
	}
	return strings.Join(lines, "\n")
}

// fewOfEach is how many changes of one kind a plan shows unless asked for all.
const fewOfEach = 4

// printPlan prints the changes of one run.
func (c *cli) printPlan(run *connector.Run, all bool) {
	if len(run.Plan) == 0 {
		return
	}
	fmt.Fprintf(c.out, "%s at %s\n", schoolName(run), run.Target)
	shown := map[plan.Action]int{}
	for _, step := range run.Plan {
		if shown[step.Action]++; shown[step.Action] > fewOfEach && !all {
			continue
		}
		c.printStep(&step, all)
	}
	for _, action := range slices.Sorted(maps.Keys(shown)) {
		if n := shown[action] - fewOfEach; n > 0 && !all {
			fmt.Fprintf(c.out, "  %-14s … and %s more (--all shows every change)\n", action, thousands(n))
		}
	}
	fmt.Fprintln(c.out)
}

func (c *cli) printStep(s *connector.Step, all bool) {
	label := s.Label
	if label == "" {
		label = s.Key
	}
	creates := s.Action == plan.CreateUser || s.Action == plan.CreateGroup
	reason := s.Reason
	if n := len(s.Add); creates && n > 0 {
		reason += ", with " + count(n, "member")
	}
	fmt.Fprintf(c.out, "  %-14s %-44s %s\n", s.Action, label, reason)
	if creates && !all {
		return
	}
	for _, f := range s.Fields {
		if f.Before != nil {
			fmt.Fprintf(c.out, "  %14s   %s: %v → %v\n", "", f.Path, f.Before, value(f.After))
		} else {
			fmt.Fprintf(c.out, "  %14s   %s → %v\n", "", f.Path, value(f.After))
		}
	}
}

func value(v any) any {
	if v == nil {
		return "(nothing)"
	}
	return v
}

// fewTroubles is how many objects of one trouble are named.
const fewTroubles = 5

// printTroubles says what is not as it should be, like things together.
func (c *cli) printTroubles(run *connector.Run) {
	if run.Reason != "" && run.Status != connector.Done {
		fmt.Fprintf(c.out, "\n%s", schoolName(run))
		if run.Target != "" {
			fmt.Fprintf(c.out, " at %s", run.Target)
		}
		fmt.Fprintf(c.out, ": %s: %s\n", run.Status, run.Reason)
		if run.Hold != 0 {
			fmt.Fprintf(c.out, "  simscim plan --site %s shows it; simscim approve %d --by NAME --why REASON lets it pass\n", run.Site, run.Hold)
		}
	}
	for _, s := range run.SetAside {
		fmt.Fprintf(c.out, "  %s: %s set aside: %s\n", schoolName(run), count(s.Count, s.Entity+" record"), s.Reason)
	}
	type kind struct{ what, reason, advice string }
	var order []kind
	keys := map[kind][]string{}
	for _, t := range run.Troubles {
		k := kind{strings.TrimSpace(string(t.Kind) + " " + string(t.Action)), t.Reason, t.Advice}
		if keys[k] == nil {
			order = append(order, k)
		}
		keys[k] = append(keys[k], t.Key)
	}
	for _, k := range order {
		list := keys[k]
		fmt.Fprintf(c.out, "  %s: %s: %s\n", count(len(list), "object"), k.what, k.reason)
		if k.advice != "" {
			fmt.Fprintf(c.out, "    %s\n", k.advice)
		}
		more := ""
		if len(list) > fewTroubles {
			more = fmt.Sprintf(" and %d more", len(list)-fewTroubles)
			list = list[:fewTroubles]
		}
		fmt.Fprintf(c.out, "    %s%s\n", strings.Join(list, ", "), more)
	}
}

func schoolName(run *connector.Run) string {
	switch {
	case run.Name != "" && run.DfE != "":
		return fmt.Sprintf("%s (%s/%s)", run.Name, run.DfE[:3], run.DfE[3:])
	case run.Name != "":
		return run.Name
	default:
		return dash(run.Site)
	}
}

func dash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// isTerminal tells whether w is a terminal that a person looks at.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func joined(list []string) string { return strings.Join(list, ", ") }
