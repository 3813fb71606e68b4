package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"simscim/connector"
	"simscim/connector/source"
	"simscim/roster"
	"simscim/sandbox/idp"
	"simscim/sandbox/simsid"
	"simscim/sandbox/world"
)

// Canaries are planted where the personal data is. None of them may be seen outside of
// the target and of what somebody asked to see.
const (
	canary          = "zzcanary" // what all of them begin with
	canaryGiven     = "Zzcanarygiven"
	canaryFamily    = "Zzcanaryfamily"
	canaryPreferred = "Zzcanarypreferred"
	canaryMail      = "zzcanarymail"
)

// planter puts canaries into every record that a source reads. The user names of the
// configuration below are made of ids, so they hold none.
type planter struct {
	source.Source
	// leak, where there is one, is told every name: a mistake to be found out.
	leak io.Writer
}

func (p planter) Read(ctx context.Context, site roster.Site, want source.Want) (*roster.Snapshot, error) {
	snap, err := p.Source.Read(ctx, site, want)
	if err != nil {
		return nil, err
	}
	for i := range snap.People {
		q := &snap.People[i]
		q.GivenName, q.FamilyName = canaryGiven+q.GivenName, canaryFamily+q.FamilyName
		q.PreferredGivenName, q.PreferredFamilyName = canaryPreferred+q.PreferredGivenName, canaryPreferred+q.PreferredFamilyName
		q.Email = canaryMail + fmt.Sprint(i) + "@example.org"
		if p.leak != nil {
			fmt.Fprintln(p.leak, "read", q.FamilyName)
		}
	}
	return snap, nil
}

// TestCanaries runs everything that may go wrong with canaries in every record, and
// looks for them wherever they must not be.
func TestCanaries(t *testing.T) {
	t.Parallel()
	var reports []*connector.Report
	r := newRig(t, setup{
		preset: "tiny", seed: 61,
		source: func(s source.Source) source.Source { return planter{Source: s} },
		edit: func(text string) string {
			a, b := strings.Index(text, "        userName:\n"), strings.Index(text, "        name.givenName:")
			text = text[:a] + "        userName: {unique: [\"'u' + left(person.id, 8) + '@' + site.vars.domain\"]}\n" + text[b:]
			// A rule that fails for some people, with their data in hand.
			return strings.Replace(text, "        userType:", "        title: \"person.yearGroup == '3' ? string(int(person.familyName)) : ''\"\n        userType:", 1)
		},
	})
	sync := func() {
		report := r.try(t.Context())
		reports = append(reports, report)
	}
	for _, f := range []idp.Faults{
		{Fail: 20, FailStatus: 400, FailWrites: true},
		{Fail: 20, FailStatus: 500, FailWrites: true},
		{DropWrite: 3},
		{Throttle: 2},
		{ConflictAs400: true},
		{},
	} {
		r.idp.SetFaults(f)
		sync()
		r.churn()
	}
	for _, kind := range simsid.FaultKinds() {
		if kind == simsid.Slow {
			continue
		}
		check(t, r.box.SIMSID().Faults().Set(simsid.Fault{Kind: kind, Path: "/provisioning/**"}))
		sync()
	}
	r.box.SIMSID().Faults().Clear()
	for _, p := range r.current(0, world.Student)[:12] {
		r.do(r.box.World().Leave(p.ID))
	}
	sync()
	r.box.World().Advance(25 * time.Hour)
	sync() // held
	plans, err := r.engine.Plan(t.Context(), connector.Selection{}, connector.Manner{})
	check(t, err)
	r.there.mustHold(t, canaryGiven) // else the canaries never flew

	r.noCanary("the log", r.log.String())
	recorder := httptest.NewRecorder()
	r.metrics.Handler().ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	if !strings.Contains(recorder.Body.String(), "simscim_runs_total") {
		t.Error("the metrics hold no runs")
	}
	r.noCanary("the metrics", recorder.Body.String())
	for i, report := range reports {
		text, err := json.Marshal(report)
		check(t, err)
		r.noCanary(fmt.Sprintf("sync report %d", i), string(text))
	}
	saved, err := json.Marshal(plans.Saved())
	check(t, err)
	r.noCanary("the saved plan", string(saved))
	r.close()
	files, err := filepath.Glob(filepath.Join(r.dir, "simscim.db*"))
	check(t, err)
	if len(files) == 0 {
		t.Error("there is no ledger to look into")
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		check(t, err)
		r.noCanary("the ledger "+filepath.Base(file), string(content))
	}
	statuses := map[connector.Status]bool{}
	for _, report := range reports {
		for _, run := range report.Runs {
			statuses[run.Status] = true
		}
	}
	for _, s := range []connector.Status{connector.Partial, connector.Held, connector.Skipped} {
		if !statuses[s] {
			t.Errorf("no run was %s: the canaries saw too little", s)
		}
	}

	if !slices.ContainsFunc(reports, func(rep *connector.Report) bool {
		return slices.ContainsFunc(rep.Runs[0].Troubles, func(tr connector.Trouble) bool { return strings.Contains(tr.Reason, "title") })
	}) {
		t.Error("the rule that fails on people's names did not fail")
	}
}

// TestLeakIsFound makes sure that the search above finds what it looks for.
func TestLeakIsFound(t *testing.T) {
	t.Parallel()
	leak := &lines{}
	r := newRig(t, setup{preset: "tiny", seed: 62, source: func(s source.Source) source.Source { return planter{s, leak} }})
	r.try(t.Context())
	if len(canariesIn(leak.String())) == 0 {
		t.Error("names were written into a log, and the search does not find them")
	}
	if found := canariesIn(r.log.String()); len(found) > 0 {
		t.Errorf("the product's own log holds personal data: %s", found[0])
	}
}

func (r *rig) noCanary(where, text string) {
	r.t.Helper()
	if len(text) == 0 {
		r.t.Errorf("%s is empty", where)
	}
	if found := canariesIn(text); len(found) > 0 {
		r.t.Errorf("%s holds personal data: %s", where, found[0])
	}
}

// canariesIn returns what stands around each canary.
func canariesIn(text string) []string {
	var found []string
	fold := strings.ToLower(text)
	for at := strings.Index(fold, canary); at >= 0; {
		found = append(found, fmt.Sprintf("%q", fold[max(0, at-120):min(len(fold), at+60)]))
		next := strings.Index(fold[at+len(canary):], canary)
		if next < 0 {
			break
		}
		at += len(canary) + next
	}
	return found
}

// mustHold wants the text somewhere at the target.
func (d *directory) mustHold(t *testing.T, text string) {
	t.Helper()
	users, _ := d.read(t)
	if !slices.ContainsFunc(users, func(u account) bool { return strings.Contains(fmt.Sprint(u), text) }) {
		t.Errorf("nobody at the target is called %s", text)
	}
}
