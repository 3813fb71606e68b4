package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
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
	// again is the command that shows a held plan, if it is not plan.
	again string
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
	c.printCost(r, style.plan)
	c.printHanded(r)
	for _, run := range r.Runs {
		c.printTroubles(run, style.again)
	}
	return nil
}

// wording says of a counter what happens, before and after it has.
type wording struct {
	counter               plan.Counter
	noun, todo, did, sign string
}

// words has the counters in the order in which they are shown.
var words = []wording{
	{plan.Counter(plan.AdoptUser), "user", "to adopt", "adopted", "+"},
	{plan.Counter(plan.CreateUser), "user", "to create", "created", "+"},
	{plan.Counter(plan.ReactivateUser), "user", "to reactivate", "reactivated", "+"},
	{plan.Counter(plan.RenameUser), "user", "to rename", "renamed", "~"},
	{plan.Counter(plan.UpdateUser), "user", "to update", "updated", "~"},
	{plan.Counter(plan.AdoptGroup), "group", "to adopt", "adopted", "+"},
	{plan.Counter(plan.CreateGroup), "group", "to create", "created", "+"},
	{plan.Counter(plan.UpdateGroup), "group", "to update", "updated", "~"},
	{plan.Counter(plan.ReplaceGroup), "group", "to make anew", "made anew", "~"},
	{plan.AddMember, "member", "to add", "added", "+"},
	{plan.RemoveMember, "member", "to remove", "removed", "-"},
	{plan.Counter(plan.DeleteGroup), "group", "to delete", "deleted", "-"},
	{plan.Counter(plan.SuspendUser), "user", "to suspend", "suspended", "-"},
	{plan.Counter(plan.DeleteUser), "user", "to delete", "deleted", "-"},
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
			schoolName(run), dash(run.Target), statusWord(run, isPlan), changesOf(run, isPlan),
			requestsOf(run.Requests, run.Least, isPlan), fmt.Sprintf("%.1f", run.Seconds),
		})
	}
	if len(r.Runs) > 1 {
		t.AppendSeparator()
		t.AppendRow(table.Row{
			fmt.Sprintf("%d in all", len(r.Runs)), "", "", wrapChanges(r.Totals.Changes, isPlan, 0),
			requestsOf(r.Totals.Requests, r.Totals.Least, isPlan), fmt.Sprintf("%.1f", r.Totals.Seconds),
		})
	}
	t.Render()
}

// printCost says what the calls of the plans cost, where a target charges for them.
func (c *cli) printCost(r *connector.Report, isPlan bool) {
	cost := 0.0
	for _, run := range r.Runs {
		cost += run.Cost
	}
	switch {
	case cost == 0:
	case isPlan:
		fmt.Fprintf(c.out, "\nThis plan costs about $%.2f in calls, if every one succeeds at once.\n", cost)
	default:
		fmt.Fprintf(c.out, "\nThe calls for these changes cost about $%.2f.\n", cost)
	}
}

// printHanded says where first passwords are.
func (c *cli) printHanded(r *connector.Report) {
	for _, run := range r.Runs {
		h := run.Passwords
		switch {
		case h == nil:
		case h.Unfinished:
			fmt.Fprintf(c.out, "\n%s at %s: the run was broken off; %s has the passwords of all %s that it began to make.\n",
				schoolName(run), run.Target, h.File, count(h.Accounts, "account"))
		default:
			fmt.Fprintf(c.out, "\n%s at %s: %s in %s, for its recipients (age -d -i KEY FILE).\n",
				schoolName(run), run.Target, count(h.Accounts, "first password"), h.File)
		}
	}
}

// requestsOf counts what was sent to source and target, beside the least that the changes
// take.
func requestsOf(n connector.Requests, least int, isPlan bool) string {
	text := fmt.Sprintf("%d read, %d sent", n.Source, n.Target)
	switch {
	case least == 0:
		return text
	case isPlan:
		return fmt.Sprintf("%s\n%d to send at least", text, least)
	default:
		return fmt.Sprintf("%s\n%d at least for these", text, least)
	}
}

// changesOf lists a run's changes; one that could not even plan has none to speak of.
func changesOf(run *connector.Run, isPlan bool) string {
	if len(run.Changes) == 0 && (run.Status == connector.Failed || run.Status == connector.Skipped) {
		return "–"
	}
	return wrapChanges(run.Changes, isPlan, run.InGrace)
}

// statusWord is a run's status for people: nothing of a plan is done yet.
func statusWord(run *connector.Run, isPlan bool) string {
	switch {
	case !isPlan || run.Status != connector.Done:
		return string(run.Status)
	case run.Pending():
		return "planned"
	default:
		return "in step"
	}
}

// wrapChanges lists the counts, one a line.
func wrapChanges(changes map[plan.Counter]*connector.Tally, isPlan bool, inGrace int) string {
	var lines []string
	for _, w := range words {
		tally := changes[w.counter]
		switch {
		case tally == nil:
		case isPlan || tally.Applied == nil:
			lines = append(lines, fmt.Sprintf("%s %s %s", w.sign, count(tally.Planned, w.noun), w.todo))
		case tally.Accepted > 0:
			lines = append(lines, fmt.Sprintf("%s %d of %s %s", w.sign, *tally.Applied, count(tally.Planned, w.noun), w.did),
				fmt.Sprintf("  %s accepted", thousands(tally.Accepted)))
		case *tally.Failed > 0:
			lines = append(lines, fmt.Sprintf("%s %d of %s %s", w.sign, *tally.Applied, count(tally.Planned, w.noun), w.did))
		default:
			lines = append(lines, fmt.Sprintf("%s %s %s", w.sign, count(*tally.Applied, w.noun), w.did))
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
	if len(run.Plan)+len(run.Assumed) == 0 {
		return
	}
	fmt.Fprintf(c.out, "%s at %s\n", schoolName(run), run.Target)
	for _, assumed := range run.Assumed {
		fmt.Fprintf(c.out, "  It is assumed: %s\n", assumed)
	}
	for i := 0; i < len(run.Plan); {
		action, end := run.Plan[i].Action, i
		for end < len(run.Plan) && run.Plan[end].Action == action { // a plan comes in this order
			end++
		}
		show := end
		if !all {
			show = min(end, i+fewOfEach)
		}
		for _, step := range run.Plan[i:show] {
			c.printStep(&step, all)
		}
		if end > show {
			fmt.Fprintf(c.out, "  %-14s … and %s more (--all shows every change)\n", action, thousands(end-show))
		}
		i = end
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
	if s.Password != "" {
		fmt.Fprintf(c.out, "  %14s   password → (made with the account: %s)\n", "", s.Password)
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
func (c *cli) printTroubles(run *connector.Run, again string) {
	if run.Reason != "" && run.Status != connector.Done {
		fmt.Fprintf(c.out, "\n%s", schoolName(run))
		if run.Target != "" {
			fmt.Fprintf(c.out, " at %s", run.Target)
		}
		fmt.Fprintf(c.out, ": %s\n", why(run))
		if run.Hold != 0 {
			fmt.Fprintf(c.out, "  %s shows it; simscim approve %d --by NAME --why REASON lets it pass\n",
				cmp.Or(again, "simscim plan --site "+run.Site), run.Hold)
		}
	}
	c.printValidation("  "+schoolName(run)+": ", run.SetAside, run.Dropped)
	type kind struct{ what, reason, advice, wait string }
	var order []kind
	keys := map[kind][]string{}
	for i := range run.Troubles {
		t := &run.Troubles[i]
		k := kind{strings.TrimSpace(string(t.Kind) + " " + string(t.Action)), t.Reason, t.Advice, waitOf(t)}
		if keys[k] == nil {
			order = append(order, k)
		}
		name := t.Key
		if len(t.Candidates) > 0 {
			name += " (one of " + joined(t.Candidates) + ")"
		}
		keys[k] = append(keys[k], name)
	}
	for _, k := range order {
		list := keys[k]
		fmt.Fprintf(c.out, "  %s: %s: %s\n", count(len(list), "object"), k.what, k.reason)
		for _, line := range []string{k.wait, k.advice} {
			if line != "" {
				fmt.Fprintf(c.out, "    %s\n", line)
			}
		}
		more := ""
		if len(list) > fewTroubles {
			more = fmt.Sprintf(" and %d more", len(list)-fewTroubles)
			list = list[:fewTroubles]
		}
		fmt.Fprintf(c.out, "    %s%s\n", joined(list), more)
	}
}

// why is a run's status with its reason, where that does not say the same already.
func why(run *connector.Run) string {
	if strings.HasPrefix(run.Reason, string(run.Status)) {
		return run.Reason
	}
	return string(run.Status) + ": " + run.Reason
}

// waitOf says how often an object in escrow has failed, and when it is tried again.
func waitOf(t *connector.Trouble) string {
	switch {
	case t.Tries == 0:
		return ""
	case t.Next.IsZero():
		return fmt.Sprintf("It has failed %s, and is not tried again by itself: simscim sync --retry tries it.", times(t.Tries))
	default:
		return fmt.Sprintf("It has failed %s; next try %s, or at once with simscim sync --retry.", times(t.Tries), when(t.Next))
	}
}

// printValidation says what of a school's roll could not be used, and why.
func (c *cli) printValidation(head string, setAside []connector.SetAside, dropped []connector.Dropped) {
	for _, s := range setAside {
		fmt.Fprintf(c.out, "%s%s set aside: %s\n", head, count(s.Count, s.Entity+" record"), s.Reason)
	}
	for _, d := range dropped {
		fmt.Fprintf(c.out, "%s%s of a %s dropped: %s\n", head, count(d.Count, d.Field+" value"), d.Entity, d.Reason)
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
