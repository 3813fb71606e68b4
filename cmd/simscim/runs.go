package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"simscim/connector"
	"simscim/connector/ledger"
	"simscim/connector/plan"
)

// runView is a run that the store remembers, for scripts.
type runView struct {
	Run     int64                `json:"run"`
	Site    string               `json:"site"`
	Name    string               `json:"name,omitempty"`
	DfE     string               `json:"dfe,omitempty"`
	Target  string               `json:"target"`
	Started time.Time            `json:"started"`
	Ended   time.Time            `json:"ended,omitzero"`
	Status  string               `json:"status"`
	Reason  string               `json:"reason"`
	Applied map[plan.Counter]int `json:"applied"`
	Failed  map[plan.Counter]int `json:"failed"`
}

// showRuns lists the newest runs of all schools.
func (c *cli) showRuns(ctx context.Context, l ledger.Ledger, limit int) error {
	if limit < 1 {
		return usageError(errors.New("--limit is at least 1"))
	}
	runs, err := l.Runs(ctx, "", limit)
	if err != nil {
		return fmt.Errorf("read the store: %w", err)
	}
	sites, err := l.Sites(ctx)
	if err != nil {
		return fmt.Errorf("read the store: %w", err)
	}
	views := []runView{}
	for i := range runs {
		views = append(views, viewOfRun(&runs[i], sites[runs[i].Site]))
	}
	if c.output == "json" {
		return c.json(views)
	}
	if len(views) == 0 {
		fmt.Fprintln(c.out, "There has been no run yet.")
	}
	for i := range views {
		c.printRun(&views[i])
	}
	return nil
}

func viewOfRun(r *ledger.Run, site ledger.SiteRecord) runView {
	status, reason := outcomeOf(r)
	return runView{
		Run: r.ID, Site: r.Site, Name: site.Name, DfE: site.DfE, Target: r.Target, Started: r.Started, Ended: r.End.At,
		Status: status, Reason: reason, Applied: changed(r.End.Applied), Failed: changed(r.End.Failed),
	}
}

// changed leaves out what is zero.
func changed(counts map[plan.Counter]int) map[plan.Counter]int {
	some := map[plan.Counter]int{}
	for counter, n := range counts {
		if n != 0 {
			some[counter] = n
		}
	}
	return some
}

// outcomeOf is how a run ended, if it did.
func outcomeOf(r *ledger.Run) (status, reason string) {
	if r.End.At.IsZero() {
		return "running", "it has not ended yet, or it was killed"
	}
	return r.End.Status, r.End.Reason
}

func (c *cli) printRun(v *runView) {
	school := schoolName(&connector.Run{Site: v.Site, Name: v.Name, DfE: v.DfE})
	fmt.Fprintf(c.out, "run %-4d  %s  %s at %s: %s", v.Run, when(v.Started), school, dash(v.Target), v.Status)
	if v.Reason != "" {
		fmt.Fprintf(c.out, ": %s", v.Reason)
	}
	fmt.Fprintln(c.out)
	if did := countsOf(v.Applied, func(w wording) string { return w.did }); did != "" {
		fmt.Fprintf(c.out, "          %s\n", did)
	}
	if failed := countsOf(v.Failed, func(w wording) string { return w.todo }); failed != "" {
		fmt.Fprintf(c.out, "          failed: %s\n", failed)
	}
}

// countsOf writes counts as "3 users created, 1 member added".
func countsOf(counts map[plan.Counter]int, verb func(wording) string) string {
	var parts []string
	for _, w := range words {
		if n := counts[w.counter]; n > 0 {
			parts = append(parts, count(n, w.noun)+" "+verb(w))
		}
	}
	return strings.Join(parts, ", ")
}
