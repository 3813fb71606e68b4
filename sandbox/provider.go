package sandbox

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"simscim/sandbox/entra"
	"simscim/sandbox/idp"
	"simscim/sandbox/okta"
)

// The kinds of identity provider that are no SCIM server.
const (
	EntraInbound = "entra-inbound"
	OktaSource   = "okta-identity-source"
)

// domain is what the configuration's user names end in. It is verified at Entra ID.
const domain = "trust.example"

// Both take their time in earnest: Entra ID some minutes, and Okta five between imports.
// Here it is seconds, long enough to be seen.
const (
	stagedFor, loggedAfter = 2 * time.Second, 2 * time.Second
	importTakes            = 3 * time.Second
	// BetweenImports is how long after an import the next session may be made.
	BetweenImports = 5 * time.Second
)

// Kinds are what the identity provider can be.
func Kinds() []string {
	return slices.Sorted(slices.Values(append(idp.Personalities(), EntraInbound, OktaSource)))
}

// provider is an identity provider with a protocol of its own, which stands beside the
// SCIM one.
type provider interface {
	// roots are the paths that it serves, with Handler.
	roots() []string
	Handler() http.Handler
	Counts() (users, groups, memberships int)
	calls() (all, writes int64)
	// env are the variables that the configuration refers to, and fill sets what it names.
	env() []string
	fill(*configValues)
	// state says how it is set, and arrived everything that it holds.
	state() any
	arrived() any
	// set changes what the body of a request names.
	set(decode func(any) error) error
}

// newProvider makes the provider of the kind, or nil for a SCIM server.
func newProvider(o Options) (provider, error) {
	switch {
	case o.Personality == EntraInbound:
		return tenant{entra.New(entra.Options{
			Seed: o.Seed, Now: o.Now, Domains: []string{domain}, ProcessAfter: stagedFor, LogAfter: loggedAfter,
			Clients: []entra.Client{{Roles: consented()}},
		})}, nil
	case o.Personality == OktaSource:
		return organisation{okta.New(okta.Options{
			Seed: o.Seed, Now: o.Now, ImportTakes: importTakes, NewSessionAfter: BetweenImports,
		})}, nil
	case o.Personality != "" && !slices.Contains(Kinds(), o.Personality):
		return nil, fmt.Errorf("there is no personality %q, only %s", o.Personality, strings.Join(Kinds(), ", "))
	default:
		return nil, nil
	}
}

// consented are the permissions that are enough, and no more than that.
func consented() []string {
	return []string{entra.RoleUpload, entra.RoleLog, entra.RoleSync, entra.RoleUserRead, entra.RoleGroupWrite, entra.RoleEducation}
}

// tenant is Entra ID with API-driven provisioning.
type tenant struct{ *entra.Service }

// roots is everything that is nobody else's: any tenant may be asked for.
func (tenant) roots() []string { return []string{"/"} }

func (t tenant) calls() (all, writes int64) {
	n := t.Requests()
	for _, kind := range []entra.Kind{
		entra.Uploads, entra.UserWrites, entra.UserDeletes, entra.GroupWrites, entra.GroupDeletes, entra.MemberAdds,
		entra.MemberRemovals, entra.MemberDeletes, entra.Classes,
	} {
		writes += int64(n[kind])
	}
	return int64(n.Total()), writes
}

func (t tenant) env() []string {
	c := t.Clients()[0]
	return []string{"ENTRA_CLIENT_ID=" + c.ID, "ENTRA_CLIENT_SECRET=" + c.Secret}
}

func (t tenant) fill(v *configValues) {
	job := t.Jobs()[0]
	v.Tenant, v.ServicePrincipal, v.Job = t.Tenant(), job.ServicePrincipal, job.ID
}

func (t tenant) state() any {
	job := t.Jobs()[0]
	return map[string]any{
		"tenant": t.Tenant(), "domains": []string{domain, entra.InitialDomain}, "job": map[string]any{"state": job.State, "staged": job.Staged}, "permissions": t.Clients()[0].Roles,
		"allPermissions": consented(), "requests": t.Requests(), "faults": t.Faults(), "warnings": append([]string{}, t.Snapshot().Warnings...),
	}
}

func (t tenant) arrived() any { return t.Snapshot() }

// errJob says what may happen to a job.
var errJob = errors.New("job is pause, start, quarantine or restart")

func (t tenant) set(decode func(any) error) error {
	var body struct {
		Job          string        `json:"job"`
		Permissions  *[]string     `json:"permissions"`
		Faults       *entra.Faults `json:"faults"`
		ExpireTokens bool          `json:"expireTokens"`
	}
	if err := decode(&body); err != nil {
		return err
	}
	if body.Faults != nil {
		if err := body.Faults.Check(); err != nil {
			return fmt.Errorf("faults: %w", err)
		}
	}
	if body.Permissions != nil {
		for _, name := range *body.Permissions {
			if !slices.Contains(consented(), name) {
				return fmt.Errorf("permissions: there are %s", strings.Join(consented(), ", "))
			}
		}
	}
	id := t.Jobs()[0].ID
	switch body.Job {
	case "":
	case "pause":
		t.Pause(id)
	case "start":
		t.Start(id)
	case "quarantine":
		t.Quarantined(id, "EncounteredQuarantineException")
	case "restart":
		t.Restart(id)
	default:
		return errJob
	}
	if body.Faults != nil {
		t.SetFaults(*body.Faults)
	}
	if body.Permissions != nil { // it takes effect with the next token
		t.Consent(t.Clients()[0].ID, *body.Permissions)
	}
	if body.ExpireTokens {
		t.ExpireTokens()
	}
	return nil
}

// organisation is Okta with an identity source.
type organisation struct{ *okta.Org }

func (organisation) roots() []string { return []string{"/api/v1/", "/oauth2/v1/"} }

func (o organisation) source() okta.Snapshot { return o.Snapshot(o.Sources()[0]) }

func (o organisation) Counts() (users, groups, memberships int) {
	s := o.source()
	for _, g := range s.Groups {
		memberships += len(g.Members)
	}
	return len(s.Users), len(s.Groups), memberships
}

func (o organisation) calls() (all, writes int64) {
	n := o.Requests()
	changes := n.Sessions + n.Loads + n.Imports + n.Cancels + n.Writes
	return int64(n.Tokens + n.Polls + n.Reads + changes), int64(changes)
}

func (o organisation) env() []string { return []string{"OKTA_TOKEN=" + o.Token()} }

func (o organisation) fill(v *configValues) { v.Source = o.Sources()[0] }

func (o organisation) state() any {
	s := o.source()
	return map[string]any{
		"source": o.Sources()[0], "sessions": append([]okta.Session{}, s.Sessions...), "failures": append([]okta.Failure{}, s.Failures...),
		"requests": o.Requests(), "faults": o.Faults(),
	}
}

func (o organisation) arrived() any { return o.source() }

func (o organisation) set(decode func(any) error) error {
	var body struct {
		Faults *okta.Faults `json:"faults"`
	}
	if err := decode(&body); err != nil {
		return err
	}
	if body.Faults == nil {
		return nil
	}
	if err := body.Faults.Check(); err != nil {
		return fmt.Errorf("faults: %w", err)
	}
	o.SetFaults(*body.Faults)
	return nil
}
