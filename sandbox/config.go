package sandbox

import (
	_ "embed"
	"strings"

	"simscim/internal/secret"
	"simscim/sandbox/oneroster"
	"simscim/sandbox/simsid"
)

//go:embed config.yaml
var configText string

// Names of the environment variables that the configuration refers to, as in the one
// that "simscim init" writes.
const (
	envClientID     = "SIMS_VENDOR_ID"
	envClientSecret = "SIMS_VENDOR_SECRET" //nolint:gosec // a name, not a secret
	envToken        = "SCIM_TOKEN"         //nolint:gosec // a name, not a secret
)

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

// Config is a whole simscim configuration for this sandbox, where it is now. dsn is
// the store; empty means a file in the working folder. Secrets are references to the
// variables of Env.
func (s *Sandbox) Config(dsn string) string {
	if dsn == "" {
		dsn = "file:simscim-sandbox.db"
	}
	c := s.Credentials()
	return strings.NewReplacer(
		"{dsn}", strings.ReplaceAll(strings.ReplaceAll(dsn, `\`, `\\`), `"`, `\"`),
		"{sts}", c.STS, "{management}", c.Management, "{provisioning}", c.Provisioning, "{scim}", c.SCIM,
		"{application}", c.Vendor.Application.String(), "{organisation}", c.Vendor.Organisation.String(),
		"{clientID}", envClientID, "{clientSecret}", envClientSecret, "{token}", envToken,
	).Replace(configText)
}

// Env are the variables, KEY=VALUE, that the configuration refers to. They hold
// secrets, if only the sandbox's.
func (s *Sandbox) Env() []string {
	v := s.simsid.Vendor()
	return []string{
		envClientID + "=" + v.ClientID,
		envClientSecret + "=" + v.ClientSecret.Reveal(),
		envToken + "=" + s.idp.Token(),
	}
}
