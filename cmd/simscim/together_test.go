package main

import (
	"context"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"simscim/connector"
	"simscim/connector/schedule"
	"simscim/connector/target"
	"simscim/connector/target/entra"
	"simscim/internal/telemetry"
	entraworld "simscim/sandbox/entra"
)

// watch is a clock that goes by itself and can be moved on.
type watch struct {
	start time.Time
	ahead atomic.Int64
}

func (w *watch) now() time.Time {
	return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC).Add(time.Since(w.start) + time.Duration(w.ahead.Load()))
}

// prompt is Entra ID for those who do not wait: whenever it is asked what became of an
// upload, six minutes have passed.
type prompt struct {
	*entra.Target
	clock *watch
}

func (p prompt) Results(ctx context.Context, pending []target.Pending) ([]target.Result, error) {
	p.clock.ahead.Add(int64(6 * time.Minute))
	return p.Target.Results(ctx, pending)
}

// district writes OneRoster files of schools with three people each, and a configuration.
func district(t *testing.T, tenant *entraworld.Service, schools int) (configFile string) {
	t.Helper()
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	orgs, classes, users, enrollments := "", "", "", ""
	for s := range schools {
		orgs += fmt.Sprintf("s%d,,,School %d,school,999000%d,\n", s, s, s)
		classes += fmt.Sprintf("c%d,,,7A,07,,7A,homeroom,,s%d,y,,,\n", s, s)
		for p := range 3 {
			users += fmt.Sprintf("p%d%d,,,true,s%d,student,,,Ada,P%d%d,,,,,,,07,\n", s, p, s, s, p)
			enrollments += fmt.Sprintf("e%d%d,,,c%d,s%d,p%d%d,student,,,\n", s, p, s, s, s, p)
		}
	}
	write("manifest.csv", "propertyName,value\nmanifest.version,1.0\noneroster.version,1.1\nfile.academicSessions,bulk\nfile.orgs,bulk\n"+
		"file.courses,absent\nfile.classes,bulk\nfile.users,bulk\nfile.enrollments,bulk\nfile.demographics,absent\n")
	write("academicSessions.csv", "sourcedId,status,dateLastModified,title,type,startDate,endDate,parentSourcedId,schoolYear\n"+
		"y,,,A long year,schoolYear,2020-09-01,2199-08-31,,2199\n")
	write("orgs.csv", "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId\n"+orgs)
	write("classes.csv", "sourcedId,status,dateLastModified,title,grades,courseSourcedId,classCode,classType,location,schoolSourcedId,"+
		"termSourcedIds,subjects,subjectCodes,periods\n"+classes)
	write("users.csv", "sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,userIds,givenName,familyName,middleName,"+
		"identifier,email,sms,phone,agentSourcedIds,grades,password\n"+users)
	write("enrollments.csv", "sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate\n"+enrollments)
	client, job := tenant.Clients()[0], tenant.Jobs()[0]
	return write("simscim.yaml", fmt.Sprintf(`version: 1
store: {dsn: "file:%[1]s/simscim.db"}
run: {listen: "127.0.0.1:0", jitter: 10m, parallel: 1}
sources:
  files: {type: oneroster-csv, path: %[1]s}
targets:
  directory:
    type: entra-inbound
    tenant: %[2]s
    servicePrincipal: %[3]s
    job: %[4]s
    auth: {type: secret, clientID: %[5]q, clientSecret: %[6]q}
mappings:
  standard:
    users:
      include: person.state == 'current'
      attributes:
        userName: {unique: [clean(person.familyName) + '@trust.example']}
        displayName: person.familyName
    groups:
      - {from: registration, displayName: "site.name + ' ' + group.name"}
sites:
  - {match: '*', targets: [directory], mapping: standard, schedule: "15 2 * * *"}
`, dir, tenant.Tenant(), job.ServicePrincipal, job.ID, "file:"+write("id", client.ID), "file:"+write("secret", client.Secret)))
}

// daemonAt makes the daemon as the command does, but with a look-alike in place of Microsoft's
// hosts and no patience.
func daemonAt(t *testing.T, configFile, url string, clock *watch) *daemon {
	t.Helper()
	c := &cli{out: io.Discard, errOut: io.Discard, now: clock.now, configs: []string{configFile}}
	cfg, routes, err := c.load()
	if err != nil {
		t.Fatal(err)
	}
	log, err := telemetry.New("error", t.Output(), telemetry.Console)
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.wire(t.Context(), cfg, routes, log, opening{exclusive: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.close)
	cfg.Targets["directory"].Cloud, cfg.Targets["directory"].Login, cfg.Targets["directory"].Graph = "custom", url, url
	made, err := entra.New(cfg.Targets["directory"], entra.Options{Now: clock.now, Counter: a.ledger, Unpaced: true, MinWait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	a.targets["directory"] = prompt{made, clock}
	a.engine, err = connector.New(connector.Options{
		Sources: a.sources, Targets: a.targets, Ledger: a.ledger, Routes: routes, Parallel: cfg.Run.Parallel,
		Pause: time.Millisecond, Now: clock.now, Log: log, Watch: a.watch(true, nil),
	})
	if err != nil {
		t.Fatal(err)
	}
	d, err := c.newDaemon(a)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Schools with one schedule reach Entra ID in one upload, and each has its own slot, run
// and next slot.
func TestDaemonCarriesSchoolsOutTogether(t *testing.T) {
	t.Parallel()
	clock := &watch{start: time.Now()}
	tenant := entraworld.New(entraworld.Options{Seed: 1, Domains: []string{"trust.example"}, Now: clock.now, TokenTTL: 24 * time.Hour})
	web := httptest.NewServer(tenant.Handler())
	t.Cleanup(web.Close)
	d := daemonAt(t, district(t, tenant, 3), web.URL, clock)

	// Two schools were synced yesterday, and their slot of this night was missed. The third
	// was never synced, and waits for its first.
	sites, slot := []string{"s0", "s1"}, time.Date(2026, 11, 24, 2, 15, 0, 0, time.UTC)
	for _, site := range sites {
		if err := d.ledger.BeginSlot(t.Context(), site, slot.AddDate(0, 0, -1)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.run(ctx) }()
	finished := func() (n int) {
		runs, err := d.ledger.Runs(t.Context(), "", 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, run := range runs {
			if !run.End.At.IsZero() {
				n++
			}
		}
		return n
	}
	for begun := time.Now(); finished() < len(sites) && time.Since(begun) < patience; {
		time.Sleep(10 * time.Millisecond)
	}
	runs, err := d.ledger.Runs(t.Context(), "", 10)
	if err != nil || len(runs) != 2 {
		t.Fatalf("%v: %d runs", err, len(runs))
	}
	for _, run := range runs {
		if run.End.Status != string(connector.Done) || run.End.Applied["createUser"] != 3 || run.End.Applied["addMember"] != 3 || !slices.Contains(sites, run.Site) {
			t.Errorf("%s: %s %s %v", run.Site, run.End.Status, run.End.Reason, run.End.Applied)
		}
	}
	if n := tenant.Requests()[entraworld.Uploads]; n != 1 {
		t.Errorf("%d uploads", n)
	}
	tomorrow, _ := d.next("s0")
	if early := slot.AddDate(0, 0, 1); tomorrow.Before(early) || tomorrow.Sub(early) >= 10*time.Minute {
		t.Errorf("next at %s", tomorrow)
	}
	for _, site := range []string{"s1", "s2"} {
		if at, ok := d.next(site); !ok || !at.Equal(tomorrow) {
			t.Errorf("%s is next at %s, s0 at %s", site, at, tomorrow)
		}
	}
	for site, want := range map[string]time.Time{"s0": slot, "s1": slot, "s2": {}} {
		if rec, _, err := d.ledger.Site(t.Context(), site); err != nil || !rec.LastSlot.Equal(want) {
			t.Errorf("%v: the last slot of %s is %s", err, site, rec.LastSlot)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A run that was broken off is due again at the next start.
func TestBrokenOffSlotIsDueAgain(t *testing.T) {
	t.Parallel()
	clock := &watch{start: time.Now()}
	tenant := entraworld.New(entraworld.Options{Seed: 2, Now: clock.now})
	d := daemonAt(t, district(t, tenant, 1), "http://127.0.0.1:1", clock)
	var kept schedule.Slots = slots{d.ledger}
	slot := time.Date(2026, 11, 24, 2, 15, 0, 0, time.UTC)
	for _, step := range []error{kept.SetLastSlot(t.Context(), "s0", slot), kept.Reopen(t.Context(), "s0", slot)} {
		if step != nil {
			t.Fatal(step)
		}
	}
	if last, ok, err := kept.LastSlot(t.Context(), "s0"); err != nil || !ok || !last.Before(slot) {
		t.Errorf("the last slot is %s, %v, %v", last, ok, err)
	}
}
