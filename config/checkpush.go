package config

import (
	"maps"
	"net"
	"net/mail"
	"net/url"
	"path"
	"slices"
	"strings"
)

// target checks what is said of a target beyond its sign-in.
func (c *checker) target(at string, t *Target) {
	c.byType(at, t.Type, []typeKeys{
		{"scim", []string{"url", "auth"}, []string{"profile", "cloud", "login", "graph", "traits", "limits", "maxCost", "replaceGroups", "handover", "caFile"}},
		{"entra-inbound", []string{"tenant", "servicePrincipal", "job", "auth"}, []string{"cloud", "login", "graph", "dailyCalls", "confirmWithin", "groupKind", "limits", "replaceGroups", "caFile"}},
		{"okta-identity-source", []string{"url", "source", "auth"}, []string{"confirmWithin", "limits", "caFile"}},
		{"scim-feed", []string{"path", "tokens", "key"}, nil},
	})
	c.auth(child(at, "auth"), t)
	c.cloud(at, t)
	c.totals(child(at, "safeguards"), t.Safeguards)
	for key, patterns := range map[string][]string{"users": t.Protect.Users, "groups": t.Protect.Groups} {
		for i, pattern := range patterns {
			if _, err := path.Match(pattern, ""); err != nil {
				c.report(item(child(child(at, "protect"), key), i), "this pattern cannot be read: * stands for any letters, ? for one")
			}
		}
	}
	if t.ReplaceGroups && t.Groups != "full" {
		c.report(child(at, "replaceGroups"), "this needs groups: full, because it deletes groups")
	}
}

// cloud checks that the addresses of a cloud are there where nobody knows them.
func (c *checker) cloud(at string, t *Target) {
	if t.Type != "scim" && t.Type != "entra-inbound" {
		return // reported already
	}
	for key, address := range map[string]string{"login": t.Login, "graph": t.Graph} {
		u, err := url.Parse(address)
		switch {
		case t.Cloud == "custom" && !c.given(at, key):
			c.report(at, "cloud: custom needs "+key)
		case t.Cloud != "custom" && c.given(at, key):
			c.report(child(at, key), "this is for cloud: custom only; the hosts of "+t.Cloud+" are known")
		case err == nil && strings.Trim(u.Path, "/")+u.RawQuery+u.Fragment != "":
			c.report(child(at, key), "must be a scheme and a host only, such as https://graph.example")
		}
	}
}

// feeds checks that there is a place for every feed, and that nobody else stands there.
func (c *checker) feeds() {
	served := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(c.cfg.Targets)) {
		t, at := c.cfg.Targets[name], child("targets", name)
		if t.Type != "scim-feed" {
			continue
		}
		if !c.given("run", "feeds") {
			c.report(at, "type: scim-feed needs run.feeds, which says where it is served")
		}
		if other := served[t.Path]; other != "" && t.Path != "" {
			c.report(child(at, "path"), "the feed "+other+" is served there already")
		}
		served[t.Path] = name
	}
	f := c.cfg.Run.Feeds
	if f == nil {
		return
	}
	host, port, _ := net.SplitHostPort(f.Listen)
	if f.Listen == c.cfg.Run.Listen && port != "0" {
		c.report("run.feeds", "run.listen has the same address; feeds are kept apart from the status page")
	}
	if !isLoopback(host) && f.TLS == nil && f.Proxies == nil {
		c.report("run.feeds.listen", "other machines can reach this address: give tls, or the proxies that bring it")
	}
	if strings.Contains(f.URL, "_") {
		c.report("run.feeds.url", "Okta takes no underscore in it")
	}
}

// totals are safeguards over all groups and schools of a target.
func (c *checker) totals(at string, all Safeguards) {
	c.safeguards(at, all)
	for name, s := range all {
		if s.PerGroup {
			c.report(child(child(at, name), "perGroup"), "this is for the safeguards of schools")
		}
	}
}

func (c *checker) window(at string, w *Window) {
	c.safeguards(child(at, "safeguards"), w.Safeguards)
	c.totals(child(at, "targetSafeguards"), w.TargetSafeguards)
	if w.From > w.Until && w.Until != "" {
		c.report(child(at, "until"), "this is before from")
	}
	if len(w.Safeguards)+len(w.TargetSafeguards) == 0 {
		c.report(at, "one of safeguards and targetSafeguards is needed: a window is nothing but limits of its own")
	}
}

// told are the things that notices tell of.
func told() []string { return []string{"held", "quarantine", "failed", "stale"} }

func (c *checker) notice(at string, n *Notice) {
	c.byType(at, n.Type, []typeKeys{
		{"webhook", []string{"url"}, []string{"token", "caFile"}},
		{"teams", []string{"url"}, []string{"caFile"}},
		{"slack", []string{"url"}, []string{"caFile"}},
		{"email", []string{"server", "from", "to"}, []string{"tls", "username", "password", "caFile"}},
	})
	for i, on := range n.On {
		if !slices.Contains(told(), on.Value) {
			c.report(item(child(at, "on"), i), quote(on.Value)+" is not known"+didYouMean(on.Value, told()))
		}
	}
	if c.given(at, "username") != c.given(at, "password") {
		c.report(at, "username and password go together")
	}
	for key, list := range map[string][]string{"from": {n.From}, "to": n.To} {
		for _, address := range list {
			if _, err := mail.ParseAddress(address); err != nil && c.given(at, key) {
				c.report(child(at, key), quote(address)+" is not an e-mail address")
			}
		}
	}
}
