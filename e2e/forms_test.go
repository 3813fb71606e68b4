package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"simscim/config"
	"simscim/connector"
	"simscim/connector/source"
	"simscim/connector/source/oneroster"
	"simscim/connector/source/oneroster/csv"
	"simscim/connector/source/oneroster/rest"
	"simscim/connector/source/simsid"
	"simscim/internal/auth"
	roster "simscim/sandbox/oneroster"
)

// equivalenceConfig puts other rules into the sandbox's configuration.
func equivalenceConfig(text string) string {
	from, to := strings.Index(text, "mappings:"), strings.Index(text, "sites:\n")
	return text[:from] + equivalenceRules + text[to:]
}

// forms are sources for every way in which the sandbox's schools can be read, by name;
// "sims" is the provisioning API. They are configured as an administrator does it.
func (r *rig) forms() (map[string]source.Source, *connector.Routes) {
	r.t.Helper()
	text, err := os.ReadFile(r.configFile())
	check(r.t, err)
	from, to := strings.Index(string(text), "  sims:"), strings.Index(string(text), "targets:")
	c := r.box.Credentials()
	sims := strings.Replace(string(text[from:to]), "  sims:\n", "  "+simsForm+":\n    api: oneroster\n    oneroster: "+
		c.OneRoster11+"\n    derive: {houseMetadata: house}\n", 1)
	more := strings.TrimRight(sims, "\n") + "\n"
	id, pass := r.secretFile("district-id", c.District.ClientID), r.secretFile("district-secret", c.District.ClientSecret.Reveal())
	district := func(name, url, version, auth string) {
		more += fmt.Sprintf("  %s: {type: oneroster, url: %s, version: '%s', derive: {houseMetadata: house}, limits: {perSecond: 0, inFlight: 8},"+
			" auth: {clientID: 'file:%s', clientSecret: 'file:%s', %s}}\n", name, url, version, id, pass, auth)
	}
	district(rest11, c.OneRoster11, "1.1", "type: oauth2, tokenURL: "+c.OneRosterToken)
	district(rest11o1, c.OneRoster11, "1.1", "type: oauth1")
	district(rest12, c.OneRoster12, "1.2", "type: oauth2, tokenURL: "+c.OneRosterToken)
	for name, version := range map[string]roster.Version{csv11: roster.V11, csv12: roster.V12} {
		path := filepath.Join(r.dir, name+".zip")
		f, err := os.Create(path)
		check(r.t, err)
		check(r.t, roster.WriteCSV(f, r.box.World(), version, roster.CSVOptions{}))
		check(r.t, f.Close())
		more += fmt.Sprintf("  %s: {type: oneroster-csv, path: %q, derive: {houseMetadata: house}}\n", name, path)
	}
	file := filepath.Join(r.dir, "forms.yaml")
	check(r.t, os.WriteFile(file, []byte(string(text[:to])+more+"\n"+string(text[to:])), 0o600))
	cfg, problems := config.Load(file)
	if len(problems) > 0 {
		r.t.Fatalf("the configuration has problems:\n%v", problems)
	}
	routes, problems := connector.Compile(cfg)
	if len(problems) > 0 {
		r.t.Fatalf("the rules have problems:\n%v", problems)
	}
	out := map[string]source.Source{}
	for name, s := range cfg.Sources {
		out[name], err = r.form(s)
		check(r.t, err)
	}
	return out, routes
}

func (r *rig) secretFile(name, value string) string {
	file := filepath.Join(r.dir, name)
	check(r.t, os.WriteFile(file, []byte(value), 0o600))
	return file
}

// form makes one source as the program does.
func (r *rig) form(s *config.Source) (source.Source, error) {
	now := r.box.World().Now
	rules := oneroster.Configured(s.Derive, now)
	switch s.Type {
	case "oneroster-csv":
		return csv.New(csv.Options{Name: s.Name, Path: s.Path, Rules: rules, Now: now})
	case "oneroster":
		o := rest.Options{Name: s.Name, BaseURL: s.URL, Version: s.Version, Rules: rules, Now: now, MinWait: time.Millisecond, Retries: 2}
		if s.Auth.Type == "oauth1" {
			o.Sign = r.signer(s.Auth).Sign
			return rest.New(o)
		}
		client, err := auth.NewHTTP("", time.Minute)
		if err != nil {
			return nil, err
		}
		o.Authorize = auth.OAuth2(auth.ClientCredentials{
			TokenURL: s.Auth.TokenURL, ClientID: s.Auth.ClientID, ClientSecret: s.Auth.ClientSecret, Scope: rest.DefaultScope(s.Version), HTTP: client,
		})
		return rest.New(o)
	default:
		return simsid.New(s, simsid.Options{Now: now, MinWait: time.Millisecond, Retries: 2})
	}
}

// signer signs by the sandbox's clock, which is the service's own.
func (r *rig) signer(a *config.SourceAuth) auth.OAuth1 {
	n := 0
	return auth.OAuth1{
		ConsumerKey: a.ClientID, ConsumerSecret: a.ClientSecret, Method: a.Signature, Now: r.box.World().Now,
		Nonce: func() string { n++; return fmt.Sprint("nonce-", n) },
	}
}
