package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"simscim/config"
	"simscim/connector"
	"simscim/connector/plan"
	"simscim/mapper"
)

func (c *cli) explainCommand() *cobra.Command {
	var configOf string
	cmd := &cobra.Command{
		Use:   "explain PERSON",
		Short: "Show how one person's record becomes an account, and what will happen to it",
		Long: "explain shows for one person the record, each rule with what it yields, the groups, and what the\n" +
			"next sync would do. PERSON is an id, a user name, an e-mail address or a full name.\n" +
			"With --config-of SITE it shows a school's effective settings instead, each with its origin.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (configOf == "") == (len(args) == 0) {
				return usageError(errors.New("say whom to explain, or give --config-of SITE"))
			}
			a, err := c.open(cmd.Context(), opening{})
			if err != nil {
				return err
			}
			defer a.close()
			if configOf != "" {
				return c.explainConfig(cmd, a, configOf)
			}
			found, err := a.engine.Explain(cmd.Context(), c.selection(), args[0])
			if err != nil {
				return err
			}
			if len(found) == 0 {
				return errors.New("nobody of that id or name is at the selected schools")
			}
			if c.output == "json" {
				return c.json(explainedViews(found))
			}
			for i := range found {
				c.printExplained(&found[i])
			}
			return nil
		},
	}
	c.selectionFlags(cmd)
	cmd.Flags().StringVar(&configOf, "config-of", "", "show the effective settings of this `SITE`")
	return cmd
}

func (c *cli) explainConfig(cmd *cobra.Command, a *app, pattern string) error {
	jobs, _, err := a.engine.Align(cmd.Context(), connector.Selection{Sites: []string{pattern}}, false)
	if err != nil {
		return err
	}
	if len(jobs) == 0 {
		return fmt.Errorf("no school that shares its data, and that sites has an entry for, matches %q", pattern)
	}
	for _, j := range jobs {
		origins := j.Route.Describe()
		if c.output == "json" {
			if err := c.json(map[string]any{"site": j.Site.ID, "name": j.Site.Name, "settings": settingViews(origins)}); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(c.out, "%s  %s\n", j.Site.Name, j.Site.ID)
		for _, o := range origins {
			from := o.From
			if o.At.Line > 0 {
				from += " " + o.At.String()
			}
			fmt.Fprintf(c.out, "  %-40s %s\n  %40s   from %s\n", o.Path, o.Value, "", from)
		}
	}
	return nil
}

// settingView is an effective setting for scripts.
type settingView struct {
	Path  string `json:"path"`
	Value string `json:"value"`
	From  string `json:"from"`
	At    string `json:"at,omitempty"`
}

func settingViews(origins []config.Origin) []settingView {
	views := make([]settingView, 0, len(origins))
	for _, o := range origins {
		v := settingView{Path: o.Path, Value: o.Value, From: o.From}
		if o.At.Line > 0 {
			v.At = o.At.String()
		}
		views = append(views, v)
	}
	return views
}

func (c *cli) printExplained(x *connector.Explained) {
	p := x.Person
	fmt.Fprintf(c.out, "%s %s, %s at %s, at target %s\n", p.GivenName, p.FamilyName, p.Kind, x.Site.Name, x.Target)
	fmt.Fprintf(c.out, "  record      id %s, %s", p.ID, p.State)
	for _, f := range []struct{ name, value string }{
		{"year", p.YearGroup}, {"registration", p.Registration}, {"house", p.House}, {"age", p.AgeBand}, {"classes", strings.Join(p.Classes, ", ")},
	} {
		if f.value != "" {
			fmt.Fprintf(c.out, ", %s %s", f.name, f.value)
		}
	}
	fmt.Fprintln(c.out)
	c.printTrace("in scope", x.Include)
	c.printTrace("key", x.Key)
	for i, t := range x.Candidates {
		c.printTrace(fmt.Sprintf("name %d", i+1), t)
	}
	for _, a := range x.Attributes {
		t := a.Rule
		t.Value = a.Value
		c.printTrace(string(a.Path), t)
	}
	if x.Password.Rule != "" {
		c.printTrace("password", x.Password)
	}
	for _, g := range x.Groups {
		in := "not in"
		if g.In {
			in = "in"
		}
		fmt.Fprintf(c.out, "  %-11s %s (%s)\n", in, g.DisplayName, g.Where)
	}
	for _, problem := range x.Problems {
		fmt.Fprintf(c.out, "  PROBLEM     %s %s\n", problem.Path, problem.Reason)
	}
	c.printStanding(x)
	fmt.Fprintln(c.out)
}

// printTrace prints one rule, where it stands, and what it yields.
func (c *cli) printTrace(what string, t mapper.Trace) {
	result := fmt.Sprint(t.Value)
	if t.Err != "" {
		result = "fails: " + t.Err
	}
	fmt.Fprintf(c.out, "  %-11s %s\n", what, result)
	if t.Rule != "" {
		fmt.Fprintf(c.out, "  %11s   %s: %s\n", "", t.At, t.Rule)
	}
}

func (c *cli) printStanding(x *connector.Explained) {
	switch k := x.Known; {
	case k == nil:
		fmt.Fprintln(c.out, "  account     none of ours yet")
	case k.Missed > 0:
		fmt.Fprintf(c.out, "  account     %s, %s, missing since %s\n", k.Name, k.Status, when(k.MissingSince))
	default:
		fmt.Fprintf(c.out, "  account     %s, %s\n", k.Name, k.Status)
	}
	if len(x.Changes)+len(x.Skipped)+len(x.Notes) == 0 {
		fmt.Fprintln(c.out, "  next sync   changes nothing")
	}
	for _, ch := range x.Changes {
		switch {
		case ch.Action == plan.UpdateMembers && len(ch.Add) > 0:
			fmt.Fprintf(c.out, "  next sync   joins %s\n", ch.Label)
		case ch.Action == plan.UpdateMembers:
			fmt.Fprintf(c.out, "  next sync   leaves %s\n", ch.Label)
		default:
			fmt.Fprintf(c.out, "  next sync   %s %s: %s\n", ch.Action, ch.Label, ch.Reason)
		}
	}
	for _, n := range x.Notes {
		fmt.Fprintf(c.out, "  next sync   notes that the person is %s\n", n.What)
	}
	for _, s := range x.Skipped {
		fmt.Fprintf(c.out, "  next sync   leaves the account alone: %s\n", s.Reason)
	}
}
