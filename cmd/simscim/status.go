package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"simscim/config"
	"simscim/connector"
	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/console"
)

// openLedger opens the store alone: what status and holds need works without sources
// and targets, and without their secrets.
func (c *cli) openLedger(ctx context.Context) (ledger.Ledger, *config.Config, error) {
	cfg, _, err := c.load()
	if err != nil {
		return nil, nil, err
	}
	l, err := c.store(ctx, cfg, false)
	return l, cfg, err
}

func (c *cli) statusCommand() *cobra.Command {
	var runs bool
	var limit int
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how each school stands, from the store",
		Long: "status shows each school's last run at each target, holds, what waits in escrow, targets in\n" +
			"quarantine and frozen schools. With --runs it lists the runs instead, newest first, with the\n" +
			"numbers by which `simscim undo` knows them. It calls nobody.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, _, err := c.openLedger(cmd.Context())
			if err != nil {
				return err
			}
			defer l.Close()
			if runs {
				return c.showRuns(cmd.Context(), l, limit)
			}
			view, err := (&board{ledger: l, now: c.now, version: c.version()}).Status(cmd.Context())
			if err != nil {
				return err
			}
			if c.output == "json" {
				return c.json(view)
			}
			c.printStatus(view)
			return nil
		},
	}
	cmd.Flags().BoolVar(&runs, "runs", false, "list the runs, newest first")
	cmd.Flags().IntVar(&limit, "limit", 50, "how many runs to list")
	return cmd
}

// board puts together how things stand, for status and for the console.
type board struct {
	ledger  ledger.Ledger
	now     func() time.Time
	version string
	// next tells when a school's next run begins; nil where nothing is scheduled.
	next func(site string) (time.Time, bool)
}

// Status implements console.Status.
func (b *board) Status(ctx context.Context) (console.View, error) {
	v := console.View{Version: b.version, At: b.now(), Sites: []console.Site{}}
	sites, err := b.ledger.Sites(ctx)
	if err != nil {
		return v, fmt.Errorf("read the store: %w", err)
	}
	holds, err := b.ledger.Holds(ctx, false)
	if err != nil {
		return v, fmt.Errorf("read the store: %w", err)
	}
	for _, id := range slices.Sorted(maps.Keys(sites)) {
		rec := sites[id]
		s := console.Site{
			ID: id, Name: rec.Name, DfE: rec.DfE, LastComplete: rec.LastComplete, People: rec.People, Groups: rec.Groups,
			Frozen: !rec.FrozenSince.IsZero(), FrozenSince: rec.FrozenSince, FrozenReason: rec.FrozenReason,
		}
		if b.next != nil {
			s.Next, _ = b.next(id)
		}
		runs, err := b.ledger.Runs(ctx, id, 20)
		if err != nil {
			return v, fmt.Errorf("read the store: %w", err)
		}
		s.Targets = latest(runs)
		for _, h := range holds {
			if h.Site == id {
				s.Targets = withHold(s.Targets, h)
			}
		}
		for i := range s.Targets {
			if err := b.ails(ctx, id, &s.Targets[i]); err != nil {
				return v, fmt.Errorf("read the store: %w", err)
			}
		}
		v.Sites = append(v.Sites, s)
	}
	return v, nil
}

// ails adds what waits in escrow, and whether the target is in quarantine.
func (b *board) ails(ctx context.Context, site string, t *console.Target) error {
	waiting, err := b.ledger.Escrows(ctx, t.Name, site)
	if err != nil {
		return err
	}
	t.Escrow = len(waiting)
	h, err := b.ledger.Health(ctx, t.Name)
	if err == nil && !h.Since.IsZero() {
		t.Quarantine = &console.Quarantine{Since: h.Since, Next: h.Next, Reason: h.Reason}
	}
	return err
}

// latest gives each target's newest run; runs come newest first.
func latest(runs []ledger.Run) []console.Target {
	var list []console.Target
	for _, r := range runs {
		if slices.ContainsFunc(list, func(t console.Target) bool { return t.Name == r.Target }) {
			continue
		}
		t := console.Target{
			Name: r.Target, Started: r.Started, Ended: r.End.At, Applied: byName(r.End.Applied), Failed: byName(r.End.Failed),
		}
		t.Status, t.Reason = outcomeOf(&r)
		list = append(list, t)
	}
	slices.SortFunc(list, func(x, y console.Target) int { return strings.Compare(x.Name, y.Name) })
	return list
}

func withHold(list []console.Target, h ledger.Hold) []console.Target {
	held := console.Held{ID: h.ID, Since: h.At, Breaches: h.Breaches}
	for i := range list {
		if list[i].Name == h.Target {
			list[i].Held = append(list[i].Held, held)
			return list
		}
	}
	return append(list, console.Target{Name: h.Target, Status: "held", Held: []console.Held{held}})
}

func byName(counts map[plan.Counter]int) map[string]int {
	named := make(map[string]int, len(counts))
	for counter, n := range counts {
		named[string(counter)] = n
	}
	return named
}

func (c *cli) printStatus(v console.View) {
	if len(v.Sites) == 0 {
		fmt.Fprintln(c.out, "No school has been read yet.")
	}
	for _, s := range v.Sites {
		fmt.Fprintf(c.out, "%s  %s\n", s.Name, s.ID)
		if s.Frozen {
			fmt.Fprintf(c.out, "  FROZEN since %s: %s\n", when(s.FrozenSince), s.FrozenReason)
		}
		if !s.LastComplete.IsZero() {
			fmt.Fprintf(c.out, "  last read whole %s: %d people, %s\n", when(s.LastComplete), s.People, count(s.Groups, "group"))
		}
		for _, t := range s.Targets {
			fmt.Fprintf(c.out, "  %s: %s %s", t.Name, t.Status, when(t.Started))
			if t.Reason != "" {
				fmt.Fprintf(c.out, ": %s", t.Reason)
			}
			fmt.Fprintln(c.out)
			if q := t.Quarantine; q != nil {
				fmt.Fprintf(c.out, "    QUARANTINE since %s: %s; next try %s, or at once with simscim sync --retry\n", when(q.Since), q.Reason, when(q.Next))
			}
			if t.Escrow > 0 {
				fmt.Fprintf(c.out, "    %s in escrow: see simscim escrow\n", count(t.Escrow, "object"))
			}
			for _, h := range t.Held {
				fmt.Fprintf(c.out, "    hold %d since %s: %s\n", h.ID, when(h.Since), strings.Join(h.Breaches, "; "))
			}
		}
	}
}

func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2 Jan 2006 15:04")
}

func (c *cli) holdsCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "holds",
		Short: "Show the plans that a safeguard holds",
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, _, err := c.openLedger(cmd.Context())
			if err != nil {
				return err
			}
			defer l.Close()
			holds, err := l.Holds(cmd.Context(), all)
			if err != nil {
				return fmt.Errorf("read the store: %w", err)
			}
			if c.output == "json" {
				return c.json(holdViews(holds))
			}
			if len(holds) == 0 {
				fmt.Fprintln(c.out, "Nothing is held.")
			}
			sites, err := l.Sites(cmd.Context())
			if err != nil {
				return fmt.Errorf("read the store: %w", err)
			}
			for _, h := range holds {
				c.printHold(h, sites[h.Site])
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "decided ones too")
	return cmd
}

// holdView is a hold for scripts.
type holdView struct {
	ID       int64                `json:"id"`
	Site     string               `json:"site"`
	Target   string               `json:"target"`
	Since    time.Time            `json:"since"`
	Breaches []string             `json:"breaches"`
	Changes  map[plan.Counter]int `json:"changes"`
	Verdict  string               `json:"verdict"`
	By       string               `json:"by,omitempty"`
	Why      string               `json:"why,omitempty"`
	Decided  time.Time            `json:"decided,omitzero"`
	Applied  time.Time            `json:"applied,omitzero"`
}

func holdViews(holds []ledger.Hold) []holdView {
	views := []holdView{}
	for _, h := range holds {
		views = append(views, holdView{
			ID: h.ID, Site: h.Site, Target: h.Target, Since: h.At, Breaches: h.Breaches, Changes: h.Counts,
			Verdict: h.Decision.Verdict, By: h.Decision.By, Why: h.Decision.Why, Decided: h.Decision.At, Applied: h.AppliedAt,
		})
	}
	return views
}

func (c *cli) printHold(h ledger.Hold, site ledger.SiteRecord) {
	school := schoolName(&connector.Run{Site: h.Site, Name: site.Name, DfE: site.DfE})
	fmt.Fprintf(c.out, "hold %d  %s at %s, since %s\n", h.ID, school, h.Target, when(h.At))
	for _, b := range h.Breaches {
		fmt.Fprintf(c.out, "  %s\n", b)
	}
	fmt.Fprintf(c.out, "  the plan: %s\n", countsOf(h.Counts, func(w wording) string { return w.todo }))
	if h.Decision.Verdict != "" {
		fmt.Fprintf(c.out, "  %s by %s on %s: %s\n", h.Decision.Verdict, h.Decision.By, when(h.Decision.At), h.Decision.Why)
	}
}

func (c *cli) approveCommand() *cobra.Command {
	return c.decideCommand("approve", "approved", "Let a held plan pass, exactly as it is",
		"approve lets the next sync apply the held plan with this id, exactly as it was. If the plan has\n"+
			"become another one by then, it is held again.")
}

func (c *cli) rejectCommand() *cobra.Command {
	return c.decideCommand("reject", "rejected", "Decide that a held plan shall not pass",
		"reject notes that the held plan with this id shall not be applied. The same plan is held again as\n"+
			"long as the school's data or the rules do not change.")
}

func (c *cli) decideCommand(name, verdict, short, long string) *cobra.Command {
	var by, why string
	cmd := &cobra.Command{
		Use:   name + " ID --by NAME --why REASON",
		Short: short,
		Long:  long,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil {
				return usageError(fmt.Errorf("%q is not the id of a hold; see simscim holds", args[0]))
			}
			if by == "" || why == "" {
				return usageError(errors.New("--by and --why are both needed: who decided, and why"))
			}
			l, _, err := c.openLedger(cmd.Context())
			if err != nil {
				return err
			}
			defer l.Close()
			d := ledger.Decision{Verdict: verdict, By: by, Why: why, At: c.now()}
			if err := l.Decide(cmd.Context(), id, d); err != nil {
				return err
			}
			fmt.Fprintf(c.out, "Hold %d is %s.\n", id, verdict)
			return nil
		},
	}
	cmd.Flags().StringVar(&by, "by", "", "who decides")
	cmd.Flags().StringVar(&why, "why", "", "the reason, for the record")
	return cmd
}
