package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"simscim/internal/httpx"
	"simscim/sandbox"
	"simscim/sandbox/world"
	"simscim/scim/profile"
)

// worldFlags choose a made-up world.
type worldFlags struct {
	preset string
	seed   uint64
	// idp is the kind of server that the identity provider plays.
	idp string
}

func (f *worldFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.preset, "preset", "mat-small", "size of the made-up world: "+joined(world.Presets()))
	cmd.Flags().Uint64Var(&f.seed, "seed", 1, "another number makes another world; the same number the same")
}

// dummy is the dummy world. Its date stands still until somebody moves it on; tokens
// and the identity provider go by real time, as anybody's clients do.
type dummy struct{ *sandbox.Sandbox }

func (c *cli) newDummy(f worldFlags) (*dummy, error) {
	s, err := sandbox.New(sandbox.Options{Preset: f.preset, Seed: f.seed, Now: c.now, Personality: f.idp})
	if err != nil {
		return nil, usageError(err)
	}
	return &dummy{s}, nil
}

func (c *cli) sandboxCommand() *cobra.Command {
	var flags worldFlags
	var addr, writeConfig string
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Serve the dummy world: SIMS ID look-alikes and an identity provider",
		Long: "sandbox serves a made-up trust: the token service, vendor management and provisioning API of\n" +
			"SIMS ID as look-alikes, and an identity provider, all under one address. With --idp that is a\n" +
			"SCIM 2.0 server of some kind, Entra ID with API-driven provisioning (entra-inbound), or Okta\n" +
			"with an identity source (okta-identity-source). Everything is made up, so other tools may be\n" +
			"pointed at it. It listens on this machine only unless told otherwise, and stops with Ctrl-C.\n\n" +
			"What was sent there is gone when it stops: delete the store, simscim-sandbox.db, with it.\n\n" +
			"Move a running one on with `simscim sandbox day` and `simscim sandbox september`, or by the buttons\n" +
			"on its page.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := c.newDummy(flags)
			if err != nil {
				return err
			}
			running, err := d.Listen(cmd.Context(), addr)
			if err != nil {
				return fmt.Errorf("%w\nTry: another address, as in --addr 127.0.0.1:0", err)
			}
			if writeConfig != "" {
				if err := writeNew(writeConfig, []byte(withProfile(d.Config(""), flags.idp))); err != nil {
					return errors.Join(err, running.Close())
				}
			}
			c.printSandbox(d, running.URL, flags.idp, writeConfig)
			<-cmd.Context().Done()
			return running.Close()
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&flags.idp, "idp", "generic", "kind of server that the identity provider plays: "+joined(sandbox.Kinds()))
	cmd.PersistentFlags().StringVar(&addr, "addr", sandbox.DefaultAddr, "address of the sandbox")
	cmd.AddCommand(
		c.moveCommand(&addr, "day", "Move a running sandbox on by a day, with ordinary churn"),
		c.moveCommand(&addr, "september", "Move a running sandbox on to the next 1 September, with the roll-over"),
	)
	cmd.Flags().StringVar(&writeConfig, "write-config", "", "write a configuration for this sandbox to `FILE`")
	return cmd
}

// withProfile names the profile in a configuration for a sandbox that plays its provider,
// and adds what that wants of every account.
func withProfile(text, name string) string {
	if _, known := profile.Named(name); !known || name == "generic" {
		return text
	}
	const mail, attributes = `        emails[type eq "work"].value: person.email` + "\n", "      attributes:\n"
	switch name {
	case "aws-iam-identity-center": // which takes one e-mail address, marked primary
		text = strings.Replace(text, mail, mail+`        emails[type eq "work"].primary: "true"`+"\n", 1)
	case "entra-scim": // which makes no account without a password and a nickname
		text = strings.Replace(text, attributes, `      password: "person.kind == 'student' ? 'words' : 'random'"`+"\n"+attributes+
			"        urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:User:mailNickname: userName.split('@')[0]\n", 1)
	}
	return strings.Replace(text, "    type: scim\n", "    type: scim\n    profile: "+name+"\n", 1)
}

// moveCommand moves the world of a sandbox that runs elsewhere.
func (c *cli) moveCommand(addr *string, step, short string) *cobra.Command {
	return &cobra.Command{
		Use:   step,
		Short: short,
		Args:  usageArgs(nil),
		RunE: func(cmd *cobra.Command, _ []string) error {
			happened, err := move(cmd.Context(), *addr, step)
			if err != nil {
				return err
			}
			if c.output == "json" {
				return c.json(happened)
			}
			fmt.Fprintf(c.out, "It is %s.\n", happened.To.Format("Monday 2 January 2006"))
			for _, event := range slices.Sorted(maps.Keys(happened.Counts)) {
				fmt.Fprintf(c.out, "  %6s  %s\n", thousands(happened.Counts[event]), event)
			}
			for _, line := range happened.Lines {
				fmt.Fprintf(c.out, "  %s\n", line)
			}
			return nil
		},
	}
}

// happened is what a sandbox says of a move.
type happened struct {
	To     time.Time      `json:"to"`
	Counts map[string]int `json:"counts"`
	Lines  []string       `json:"lines"`
}

func move(ctx context.Context, addr, step string) (h happened, err error) {
	http, err := httpx.New(httpx.Options{BaseURL: "http://" + addr})
	if err != nil {
		return h, usageError(fmt.Errorf("--addr: %w", err))
	}
	resp, err := http.Do(ctx, httpx.Request{Method: "POST", Path: "/_sandbox/" + step, Route: "/_sandbox/" + step})
	if err != nil {
		return h, fmt.Errorf("%w\nIs a sandbox running there? Try: simscim sandbox", err)
	}
	if resp.Status != 200 {
		return h, fmt.Errorf("the sandbox answered %d", resp.Status)
	}
	if err := json.Unmarshal(resp.Body, &h); err != nil {
		return h, fmt.Errorf("read what the sandbox says: %w", err)
	}
	return h, nil
}

// printSandbox says what is there and how to use it. The secrets are those of a dummy
// world: printing them is the point.
func (c *cli) printSandbox(d *dummy, url, kind, file string) {
	schools, people := d.size()
	fmt.Fprintf(c.out, "The sandbox is at %s/ : %s, %s people, %s.\n", url, count(schools, "school"), thousands(people), d.World().Now().Format("Monday 2 January 2006"))
	fmt.Fprintln(c.out, "Open that address in a browser to look around. Ctrl-C stops it.")
	switch kind {
	case sandbox.EntraInbound:
		fmt.Fprintf(c.out, "\nIt plays Entra ID. What is uploaded is in its provisioning log after seconds, in earnest after minutes;\n"+
			"a sync waits for it. Microsoft's limits are kept: groups of a whole trust take a minute or two, those of\n"+
			"one school (--preset primary) a moment. To pause its provisioning job, and start it again:\n"+
			"  curl -d '{\"job\":\"pause\"}' %[1]s/_sandbox/provider\n  curl -d '{\"job\":\"start\"}' %[1]s/_sandbox/provider\n", url)
	case sandbox.OktaSource:
		fmt.Fprintf(c.out, "\nIt plays Okta. Imports take seconds and may follow one another after %d, in earnest after five minutes.\n"+
			"To let the next import fail:\n"+
			"  curl -d '{\"faults\":{\"importError\":1}}' %s/_sandbox/provider\n", int(sandbox.BetweenImports.Seconds()), url)
	}
	fmt.Fprintln(c.out, "\nTo point simscim at it, in another terminal:")
	for _, kv := range d.Env() {
		fmt.Fprintf(c.out, "  export %s\n", kv)
	}
	switch {
	case file != "":
	case kind == sandbox.EntraInbound, kind == sandbox.OktaSource:
		fmt.Fprintf(c.out, "and a configuration for it, which comes with:\n  simscim sandbox --idp %s --write-config sandbox.yaml\n", kind)
		file = "sandbox.yaml"
	default:
		fmt.Fprintln(c.out, "  simscim init")
		file = "simscim.yaml"
	}
	fmt.Fprintf(c.out, "  simscim plan --config %s\n", file)
}

func (d *dummy) size() (schools, people int) {
	for _, site := range d.World().Sites() {
		schools++
		people += len(d.World().People(site.ID, world.Student)) + len(d.World().People(site.ID, world.Staff))
	}
	return schools, people
}

// writeNew writes a file that must not exist yet.
func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return usageError(fmt.Errorf("%s exists already and is left as it is", path))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// thousands writes 2413 as "2,413".
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
