package sandbox

import (
	_ "embed"
	"fmt"
	"strings"
	"text/template"

	"simscim/internal/secret"
	"simscim/sandbox/oneroster"
	"simscim/sandbox/simsid"
)

//go:embed config.yaml
var configText string

// Credentials are all that a client of the sandbox needs.
type Credentials struct {
	// STS, Management, Provisioning and SCIM are base URLs.
	STS, Management, Provisioning, SCIM string
	// OneRoster11 and OneRoster12 are the roots of the two versions, and OneRosterToken
	// is where the district gets its tokens. A school's own come from the STS.
	OneRoster11, OneRoster12, OneRosterToken string
	// District opens all schools at once by OneRoster.
	District oneroster.District
	Vendor   simsid.Vendor
	Schools  []simsid.School
	IDPToken secret.Value
}

// Credentials for this sandbox, where it is now.
func (s *Sandbox) Credentials() Credentials {
	at := s.BaseURL()
	return Credentials{
		STS: at + "/sts", Management: at + "/management", Provisioning: at + "/provisioning", SCIM: at + scimPath,
		OneRoster11: at + rosterPath + oneroster.Path11, OneRoster12: at + rosterPath + oneroster.Path12,
		OneRosterToken: at + rosterPath + "/token", District: s.roster.District(),
		Vendor: s.simsid.Vendor(), Schools: s.simsid.Schools(), IDPToken: secret.New(s.idp.Token()),
	}
}

// configValues are what the configuration's template is filled with.
type configValues struct {
	DSN, Base, Domain string
	// Kind is that of the identity provider, where it is no SCIM server.
	Kind string
	Credentials
	// Tenant, ServicePrincipal and Job are Entra ID's, Source is Okta's.
	Tenant, ServicePrincipal, Job, Source string
}

// Config is a whole simscim configuration for this sandbox, where it is now. dsn is
// the store; empty means a file in the working folder. Secrets are references to the
// variables of Env.
func (s *Sandbox) Config(dsn string) string {
	if dsn == "" {
		dsn = "file:simscim-sandbox.db"
	}
	v := &configValues{DSN: dsn, Base: s.BaseURL(), Domain: domain, Credentials: s.Credentials()}
	if s.provider != nil {
		v.Kind = s.kind
		s.provider.fill(v)
	}
	page := template.Must(template.New("config").Funcs(template.FuncMap{"quote": quote}).Parse(configText))
	var b strings.Builder
	if err := page.Execute(&b, v); err != nil {
		panic(fmt.Sprintf("the sandbox's own configuration: %v", err)) // every field that it names is there
	}
	return b.String()
}

// quote writes a YAML string.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// Env are the variables, KEY=VALUE, that the configuration refers to. They hold
// secrets, if only the sandbox's.
func (s *Sandbox) Env() []string {
	v := s.simsid.Vendor()
	env := []string{"SIMS_VENDOR_ID=" + v.ClientID, "SIMS_VENDOR_SECRET=" + v.ClientSecret.Reveal()}
	if s.provider != nil {
		return append(env, s.provider.env()...)
	}
	return append(env, "SCIM_TOKEN="+s.idp.Token())
}
