package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"simscim/config"
	"simscim/connector"
)

// checkResult is what check found; its JSON form is for scripts.
type checkResult struct {
	OK      bool          `json:"ok"`
	Config  []string      `json:"config"`
	Sources []checkedPeer `json:"sources"`
	Schools []checkedSite `json:"schools"`
	Targets []checkedPeer `json:"targets"`
}

// errNoUsers is of a target at which nothing can be done for want of something that its
// notes tell.
var errNoUsers = errors.New("no accounts can be written there, for the reason below")

type checkedPeer struct {
	Name    string   `json:"name"`
	OK      bool     `json:"ok"`
	Summary string   `json:"summary,omitempty"`
	Notes   []string `json:"notes,omitempty"`
	Problem string   `json:"problem,omitempty"`
}

type checkedSite struct {
	Site    string   `json:"site"`
	Name    string   `json:"name"`
	DfE     string   `json:"dfe,omitempty"`
	Mapping string   `json:"mapping,omitempty"`
	Targets []string `json:"targets,omitempty"`
	Problem string   `json:"problem,omitempty"`
	// Read is what a full read found, with --read.
	Read *connector.Inspection `json:"read,omitempty"`
}

func (c *cli) checkCommand() *cobra.Command {
	var read bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check the configuration, then every connection",
		Long: "check reads the configuration and reports every problem at once, then tries out every source\n" +
			"(tokens, the schools that share their data) and every target (sign-in, what it can do).\n" +
			"With --read it reads every school whole as well, and counts what could not be used and why.\n" +
			"It changes nothing. Exit codes: 0 all well, 1 something is not, 2 the configuration is wrong.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := c.open(cmd.Context(), opening{})
			if err != nil {
				return err
			}
			defer a.close()
			r := a.check(cmd.Context(), c.configs, read)
			if c.output == "json" {
				err = c.json(r)
			} else {
				c.printCheck(r)
			}
			if err == nil && !r.OK {
				return &exitError{code: exitFailed}
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&read, "read", false, "read every school whole, and count what could not be used")
	return cmd
}

// check tries everything out, and goes on after what fails.
func (a *app) check(ctx context.Context, configs []string, read bool) checkResult {
	r := checkResult{OK: true, Config: configs, Sources: []checkedPeer{}, Schools: []checkedSite{}, Targets: []checkedPeer{}}
	for _, name := range slices.Sorted(maps.Keys(a.sources)) {
		notes, err := a.sources[name].Check(ctx)
		r.Sources = append(r.Sources, r.peer("source", name, "", notes, err))
	}
	for _, name := range slices.Sorted(maps.Keys(a.targets)) {
		caps, err := a.targets[name].Capabilities(ctx)
		if a.cfg.Targets[name].Type == "scim-feed" && err == nil {
			_, err = a.feedServer() // which looks at tokens and certificate
		}
		notes := caps.Notes
		switch {
		case err != nil:
		case !caps.Users:
			err = errNoUsers
		default:
			var more []string
			more, err = a.checkPasswords(name, caps)
			notes = slices.Concat(notes, more)
		}
		r.Targets = append(r.Targets, r.peer("target", name, caps.Summary, notes, err))
	}
	jobs, report, err := a.engine.Align(ctx, connector.Selection{}, false)
	if err != nil {
		r.OK = false
		r.Schools = append(r.Schools, checkedSite{Problem: err.Error()})
		return r
	}
	for _, j := range jobs {
		school := checkedSite{
			Site: j.Site.ID, Name: j.Site.Name, DfE: j.Site.DfE, Mapping: j.Route.SiteConfig.Mapping, Targets: j.Route.Targets,
		}
		if read {
			if school.Read, err = a.engine.Inspect(ctx, j); err != nil {
				r.OK, school.Problem = false, err.Error()
			}
		}
		r.Schools = append(r.Schools, school)
	}
	for _, run := range report.Runs {
		r.OK = r.OK && run.Unrouted()
		r.Schools = append(r.Schools, checkedSite{Site: run.Site, Name: run.Name, DfE: run.DfE, Problem: run.Reason})
	}
	return r
}

func (r *checkResult) peer(kind, name, summary string, notes []string, err error) checkedPeer {
	p := checkedPeer{Name: name, OK: err == nil, Summary: summary, Notes: notes}
	if err != nil { // whose problem it is stands before it anyway
		r.OK, p.Problem = false, strings.TrimPrefix(err.Error(), kind+" "+name+": ")
	}
	return p
}

func (c *cli) printCheck(r checkResult) {
	fmt.Fprintf(c.out, "Configuration %s: no problems\n", joined(r.Config))
	print := func(kind string, peers []checkedPeer) {
		for _, p := range peers {
			fmt.Fprintf(c.out, "\n%s %s: ", kind, p.Name)
			if p.OK {
				fmt.Fprintln(c.out, "well")
			} else {
				fmt.Fprintf(c.out, "NOT WELL: %s\n", p.Problem)
			}
			if p.Summary != "" {
				fmt.Fprintf(c.out, "  %s\n", p.Summary)
			}
			for _, note := range p.Notes {
				fmt.Fprintf(c.out, "  %s\n", note)
			}
		}
	}
	print("Source", r.Sources)
	print("Target", r.Targets)
	fmt.Fprintf(c.out, "\n%s\n", count(len(r.Schools), "school"))
	for _, s := range r.Schools {
		run := connector.Run{Site: s.Site, Name: s.Name, DfE: s.DfE}
		if s.Problem != "" {
			fmt.Fprintf(c.out, "  %s: %s\n", schoolName(&run), s.Problem)
		} else {
			fmt.Fprintf(c.out, "  %s: mapping %s → %s\n", schoolName(&run), s.Mapping, joined(s.Targets))
		}
		if found := s.Read; found != nil {
			fmt.Fprintf(c.out, "    %s people, %s, %s, %s, %.1f s\n", thousands(found.People), count(found.Groups, "group"),
				count(found.Memberships, "membership"), count(int(found.Requests), "request"), found.Seconds)
			c.printValidation("    ", found.SetAside, found.Dropped)
		}
	}
}

// initCommand writes a commented configuration to begin with.
func (c *cli) initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a commented configuration to begin with",
		Long:  "init writes a commented configuration to FILE (simscim.yaml). It never overwrites a file.",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			path := "simscim.yaml"
			if len(args) == 1 {
				path = args[0]
			}
			if err := writeNew(path, config.Template()); err != nil {
				return err
			}
			fmt.Fprintf(c.out, "Wrote %s. Next:\n"+
				"  1. edit it: the source, the target, the rules\n"+
				"  2. simscim check --config %[1]s    tries every connection\n"+
				"  3. simscim plan --config %[1]s     shows what a first sync would do\n", path)
			return nil
		},
	}
}
