package e2e_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"simscim/config"
	"simscim/connector"
	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/connector/target/entra"
	"simscim/connector/target/feed"
	"simscim/connector/target/okta"
	"simscim/internal/secret"
	entraworld "simscim/sandbox/entra"
	oktaworld "simscim/sandbox/okta"
	"simscim/sandbox/world"
)

// road is a setup for another target in place of the sandbox's. Neither Entra ID nor Okta
// does without the parts of a name and an address. formatted is where the formatted name
// goes, for which neither has a place of its own.
func road(preset string, seed uint64, formatted, directory string) setup {
	return setup{preset: preset, seed: seed, pause: time.Millisecond, edit: func(text string) string {
		before, rest, _ := strings.Cut(text, "  directory:\n")
		_, after, _ := strings.Cut(rest, "\nmappings:")
		text = before + "  directory:\n" + directory + "\nmappings:" + after
		return strings.Replace(asked(text, ""), "name.formatted:", formatted+":", 1) + noLimits
	}}
}

// keep writes a secret to a file, and returns the reference to it.
func keep(t *testing.T, value string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	check(t, os.WriteFile(path, []byte(value), 0o600))
	return "file:" + path
}

// tenant is Entra ID with a school's connector before it.
type tenant struct {
	*rig
	*entraworld.Service
}

// patient is a target that is asked what became of changes: while the engine waits for the
// provisioning log, time passes.
type patient struct {
	*entra.Target
	rig *rig
}

func (p patient) Results(ctx context.Context, pending []target.Pending) ([]target.Result, error) {
	if len(pending) > 0 {
		p.rig.box.World().Advance(6 * time.Minute)
	}
	return p.Target.Results(ctx, pending)
}

// newTenant starts a tenant whose provisioning app matches by an attribute that is long
// enough for the school's keys.
func newTenant(t *testing.T, preset string, seed uint64, more string) *tenant {
	t.Helper()
	return tenantWith(t, preset, seed, 64, more)
}

// tenantWith is one whose attribute has so many characters.
func tenantWith(t *testing.T, preset string, seed uint64, longest int, more string) *tenant {
	t.Helper()
	o := &tenant{}
	o.Service = entraworld.New(entraworld.Options{
		Seed: seed, Domains: []string{"trust.example"}, EmployeeIDMax: longest, TokenTTL: 365 * 24 * time.Hour, Now: func() time.Time { return o.now() },
		Limits: entraworld.Limits{Uploads: -1, LogReads: -1, ResourceUnits: -1, Writes: -1}, // the clock stands still meanwhile
	})
	web := httptest.NewServer(o.Handler())
	t.Cleanup(web.Close)
	client, job := o.Clients()[0], o.Jobs()[0]
	s := road(preset, seed, "title", fmt.Sprintf(`    type: entra-inbound
    cloud: custom
    login: %[1]s
    graph: %[1]s
    tenant: %s
    servicePrincipal: %s
    job: %s
    auth: {type: secret, clientID: %q, clientSecret: %q}
    limits: {perSecond: 0, inFlight: 8}
%s`, web.URL, o.Tenant(), job.ServicePrincipal, job.ID, keep(t, client.ID), keep(t, client.Secret), more))
	s.target = func(r *rig, c *config.Target) (target.Target, error) {
		made, err := entra.New(c, entra.Options{
			Now: r.box.World().Now, Counter: r.ledger, Unpaced: true, MinWait: time.Millisecond,
		})
		return patient{made, r}, err
	}
	s.look = o.look
	o.rig = newRig(t, s)
	o.oracle.filled, o.oracle.deleteAfter = true, 0
	return o
}

func (o *tenant) now() time.Time {
	if o.rig == nil {
		return world.DefaultStart()
	}
	return o.box.World().Now()
}

// look is the tenant in the form in which others are read back.
func (o *tenant) look() (users []account, groups []band) {
	s := o.Snapshot()
	for _, u := range s.Users {
		text := func(name string) string { v, _ := u.Properties[name].(string); return v }
		a := account{ID: u.ID, ExternalID: u.EmployeeID, UserName: u.UserPrincipalName, Active: &u.Enabled, DisplayName: u.DisplayName, UserType: text("employeeType")}
		a.Name.Given, a.Name.Family, a.Name.Formatted = text("givenName"), text("surname"), text("jobTitle")
		a.Enterprise.Organization, a.Enterprise.Department = text("companyName"), text("department")
		a.mail(text("mail"))
		users = append(users, a)
	}
	for _, g := range s.Groups {
		// In a unique name a colon is spelt by its hexadecimal number.
		key := strings.ReplaceAll(strings.TrimPrefix(g.UniqueName, "simscim."), "~3a", ":")
		groups = append(groups, bandOf(g.ID, key, g.DisplayName, g.Members))
	}
	return users, groups
}

func (a *account) mail(address string) {
	a.Emails = append(a.Emails, struct {
		Value string `json:"value"`
		Type  string `json:"type"`
	}{address, "work"})
}

func bandOf(id, key, name string, members []string) band {
	b := band{ID: id, ExternalID: key, DisplayName: name}
	for _, m := range members {
		b.Members = append(b.Members, member{m})
	}
	return b
}

// spared wants no account ever to have been deleted, by any way.
func (o *tenant) spared() {
	o.t.Helper()
	s, n := o.Snapshot(), o.Requests()
	if len(s.DeletedUsers)+len(s.DeletedByMember) > 0 || n[entraworld.UserDeletes]+n[entraworld.MemberDeletes] > 0 {
		o.t.Errorf("accounts were deleted: %v %v %v", s.DeletedUsers, s.DeletedByMember, n)
	}
	if len(s.Warnings) > 0 {
		o.t.Errorf("%d warnings, the first: %s", len(s.Warnings), s.Warnings[0])
	}
}

// leaveFor takes people off the roll and lets their grace pass.
func (r *rig) leaveFor(people ...*world.Person) {
	r.t.Helper()
	for _, p := range people {
		r.do(r.box.World().Leave(p.ID))
	}
	r.syncAndCompare()
	r.box.World().Advance(25 * time.Hour)
	r.syncAndCompare()
	for _, p := range people {
		r.wants(p, false)
	}
}

// TestEntraID takes a school to Entra ID: users by bulkUpload, groups by Graph.
func TestEntraID(t *testing.T) {
	t.Parallel()
	o := newTenant(t, "tiny", 51, "")
	o.syncAndCompare()
	users := len(o.oracle.accounts)
	if n := o.Requests()[entraworld.Uploads]; n != (users+49)/50 {
		t.Errorf("%d users took %d uploads", users, n)
	}
	o.leaveFor(o.current(0, world.Student)[0])

	// A paused job takes uploads as ever; nobody is taken for confirmed, and it is said why.
	job := o.Jobs()[0].ID
	o.Pause(job)
	o.do(o.box.World().Join(o.siteID(0), world.Student, 3))
	report := o.try(t.Context())
	if run := report.Runs[0]; run.Status == connector.Done || !strings.Contains(run.Reason, "provisioning job is paused") {
		t.Errorf("%s: %s", run.Status, run.Reason)
	}
	ledger, err := o.ledger.Load(t.Context(), "directory", o.siteID(0).String())
	check(t, err)
	if len(ledger.Users) != users {
		t.Errorf("the ledger has %d users, of whom %d are confirmed", len(ledger.Users), users)
	}
	sent := o.Requests()[entraworld.Uploads]
	o.Start(job)
	o.syncAndCompare()
	if n := o.Requests()[entraworld.Uploads] - sent; n != 0 {
		t.Errorf("what was accepted was uploaded again, in %d calls", n)
	}
	o.spared()
}

// TestEntraIDUndo takes back suspensions that the tenant accepted first and confirmed later.
func TestEntraIDUndo(t *testing.T) {
	t.Parallel()
	o := newTenant(t, "tiny", 58, "")
	o.syncAndCompare()
	active := func() (n int) {
		for _, u := range o.Snapshot().Users {
			if u.Enabled {
				n++
			}
		}
		return n
	}
	all := active()
	for _, p := range o.current(0, world.Student)[:2] {
		o.do(o.box.World().Leave(p.ID))
	}
	o.sync()
	o.box.World().Advance(25 * time.Hour)
	o.sync()
	if active() != all-2 {
		t.Fatalf("%d of %d accounts are active", active(), all)
	}
	since, err := o.ledger.Applied(t.Context(), "directory", o.box.World().Now().Add(-time.Hour))
	check(t, err)
	if n := since[plan.Counter(plan.SuspendUser)]; n != 2 {
		t.Errorf("the ledger counts %d suspensions", n)
	}
	report, err := o.engine.Undo(t.Context(), o.lastRun(), true)
	check(t, err)
	if run := report.Runs[0]; run.Status != connector.Done || applied(run, plan.ReactivateUser) != 2 || active() != all {
		t.Errorf("%s: %s; %d of %d accounts are active", run.Status, run.Reason, active(), all)
	}
}

// TestEntraIDLongKeys takes a school to Entra ID as the documents set it up, and without a
// rule for keys: everybody is told of, and nothing is sent.
func TestEntraIDLongKeys(t *testing.T) {
	t.Parallel()
	o := tenantWith(t, "tiny", 56, 16, "")
	run := o.try(t.Context()).Runs[0]
	told := 0
	for _, trouble := range run.Troubles {
		if strings.Contains(trouble.Reason, "shortCode(person.id, 16)") {
			told++
		}
	}
	if people := len(o.current(0, world.Student)) + len(o.current(0, world.Staff)); run.Status == connector.Done || told != people {
		t.Errorf("%s: %s; %d people are told of, want %d", run.Status, run.Reason, told, people)
	}
	if n := o.Requests()[entraworld.Uploads]; n != 0 {
		t.Errorf("%d uploads were made", n)
	}
}

// TestEntraIDRations spreads a first load over days on which the tenant may make one call.
func TestEntraIDRations(t *testing.T) {
	t.Parallel()
	o := newTenant(t, "tiny", 52, "    dailyCalls: 1\n")
	for range 2 { // the second meets a day that is used up
		report := o.try(t.Context())
		if run := report.Runs[0]; run.Status == connector.Done || run.Status == connector.Held {
			t.Fatalf("%s: %s", run.Status, run.Reason)
		}
		if users, _, _ := o.Counts(); users != 50 || o.Requests()[entraworld.Uploads] != 1 {
			t.Fatalf("%d users by %v", users, o.Requests())
		}
	}
	o.box.World().Advance(25 * time.Hour)
	o.syncAndCompare()
	if n := o.Requests()[entraworld.Uploads]; n != 2 {
		t.Errorf("%d uploads", n)
	}
	o.spared()
}

// TestEntraIDTrust takes five schools that share people to Entra ID in one go. Whom two of
// them have is made for one, and claimed for the other by the run after.
func TestEntraIDTrust(t *testing.T) {
	t.Parallel()
	o := newTenant(t, "mat-small", 55, "")
	for _, run := range o.try(t.Context()).Runs {
		if run.Status == connector.Failed || run.Status == connector.Held {
			t.Fatalf("%s: %s: %s", run.Name, run.Status, run.Reason)
		}
	}
	if n, least := o.Requests()[entraworld.Uploads], (len(o.Snapshot().Users)+49)/50; n != least {
		t.Errorf("%d uploads, and %d would do", n, least)
	}
	o.syncAndCompare()
	o.spared()
}

// TestOkta takes a school to an identity source of Okta.
func TestOkta(t *testing.T) {
	t.Parallel()
	var r *rig
	now := func() time.Time {
		if r == nil {
			return world.DefaultStart()
		}
		return r.box.World().Now()
	}
	org := oktaworld.New(oktaworld.Options{Seed: 53, Now: now, ImportTakes: 40 * time.Second})
	web := httptest.NewServer(org.Handler())
	t.Cleanup(web.Close)
	source := org.Sources()[0]
	s := road("tiny", 53, "title", fmt.Sprintf("    type: okta-identity-source\n    url: %s\n    source: %s\n    auth: {type: ssws, token: %q}\n    limits: {perSecond: 0, inFlight: 4}\n",
		web.URL, source, keep(t, org.Token())))
	s.target = func(r *rig, c *config.Target) (target.Target, error) {
		return okta.New(c, okta.Options{Now: now, MinWait: time.Millisecond, Wait: func(ctx context.Context, d time.Duration) error {
			r.box.World().Advance(d)
			return ctx.Err()
		}})
	}
	s.look = func() ([]account, []band) { return imported(org.Snapshot(source)) }
	r = newRig(t, s)
	r.oracle.filled, r.oracle.deleteAfter = true, 0
	r.syncAndCompare()
	if n := len(org.Snapshot(source).Sessions); n != 1 {
		t.Errorf("the first load took %d sessions", n)
	}
	r.leaveFor(r.current(0, world.Student)[0])
	got := org.Snapshot(source)
	if len(got.Failures) > 0 {
		t.Errorf("records were left out: %v", got.Failures)
	}
	for _, session := range got.Sessions {
		if session.Status != oktaworld.Completed {
			t.Errorf("a session ended as %s", session.Status)
		}
	}
}

// imported is what Okta has, in the form in which others are read back.
func imported(s oktaworld.Snapshot) (users []account, groups []band) {
	for _, u := range s.Users {
		active := u.Status == oktaworld.Active
		a := account{ID: u.ExternalID, ExternalID: u.ExternalID, UserName: u.Profile["userName"], Active: &active, DisplayName: u.Profile["displayName"], UserType: u.Profile["userType"]}
		a.Name.Given, a.Name.Family, a.Name.Formatted = u.Profile["firstName"], u.Profile["lastName"], u.Profile["title"]
		a.Enterprise.Organization, a.Enterprise.Department = u.Profile["organization"], u.Profile["department"]
		a.mail(u.Profile["email"])
		users = append(users, a)
	}
	for _, g := range s.Groups {
		groups = append(groups, bandOf(g.ID, g.ExternalID, g.DisplayName, g.Members))
	}
	return users, groups
}

// TestFeed lets Okta import from a feed that the engine writes.
func TestFeed(t *testing.T) {
	t.Parallel()
	const token, base = "a-token-of-the-feed's-reader", "/feeds/okta"
	key := base64.StdEncoding.EncodeToString([]byte("thirty-two bytes make one key -.")) // length is checked
	var handler http.Handler
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(web.Close)
	s := road("primary", 54, "name.formatted", fmt.Sprintf("    type: scim-feed\n    path: %s\n    tokens: [%q]\n    key: %q\nrun: {feeds: {url: https://scim.trust.example}}\n", base, keep(t, token), keep(t, key)))
	s.target = func(r *rig, c *config.Target) (target.Target, error) {
		f, err := feed.Open(t.Context(), feed.Options{
			Name: c.Name, Path: filepath.Join(r.dir, "feed.db"), Key: secret.New(key), Tokens: []secret.Value{secret.New(token)},
			BasePath: c.Path, Now: r.box.World().Now, Report: func(err error) { t.Error(err) },
		})
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { check(t, f.Close()) })
		handler, err = f.Handler()
		return f, err
	}
	r := newRig(t, s)
	r.oracle.filled, r.there.url, r.there.token = true, web.URL+base, token
	importer := oktaworld.NewImporter(oktaworld.ImporterOptions{})
	take := func() oktaworld.Result {
		t.Helper()
		got, err := importer.Import(t.Context(), web.URL+base, token)
		check(t, err)
		return got
	}
	r.syncAndCompare()
	users, places := len(r.oracle.accounts), 0
	for _, g := range r.oracle.groups {
		places += len(g.members)
	}
	if got := take(); got.Created != users || got.Groups != len(r.oracle.groups) || got.Memberships != places || got.Ignored != 0 {
		t.Errorf("%+v of %d users, %d groups and %d places", got, users, len(r.oracle.groups), places)
	}
	if got := take(); got.Unchanged != users {
		t.Errorf("nothing has changed: %+v", got)
	}
	pupils := r.current(0, world.Student)
	r.leaveFor(pupils[0])
	if got := take(); got.Deactivated != 1 || got.Removed != 0 {
		t.Errorf("one has left: %+v", got)
	}
	r.leaveFor(pupils[1 : 1+users/3]...)
	_, err := importer.Import(t.Context(), web.URL+base, token)
	guard, ok := errors.AsType[*oktaworld.SafeguardError](err)
	if !ok || guard.Unassigned != users/3 || guard.Assigned != users-1 {
		t.Fatalf("a third has left, and the safeguard says %v", err)
	}
	importer.Resume()
	if got := take(); got.Deactivated != users/3 {
		t.Errorf("an administrator let it pass: %+v", got)
	}
}
