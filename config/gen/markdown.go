package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"

	"simscim/config"
)

//go:embed intro.md
var intro string

// section is the place of a type on the page.
type section struct{ title, typeName, note string }

func sections() []section {
	return []section{
		{"The file", "Config", ""},
		{"store", "Store", ""},
		{"sources.NAME", "Source", "`sims-id` needs `vendor` or `credentials`; `oneroster` needs `url` and `auth`; `oneroster-csv` needs `path`. Keys of another type are refused."},
		{"sources.NAME.vendor", "Vendor", "For `type: sims-id`."},
		{"sources.NAME.credentials[]", "Credential", "For `type: sims-id`."},
		{"sources.NAME.auth", "SourceAuth", "For `type: oneroster`. `bearer` needs `token`; `oauth2` needs `tokenURL`, `clientID` and `clientSecret`; `oauth1` needs `clientID` and `clientSecret`."},
		{"sources.NAME.derive", "Derive", "For OneRoster in any form."},
		{"sources.NAME.delta", "Delta", "For OneRoster over REST."},
		{"sources.NAME.setAside", "SetAsideLimit", "Give `percent`, `count` or both."},
		{"sources.NAME.mayShrink", "Shrink", "Schools of fewer than ten people are let pass."},
		{"limits of a source or a target", "Limits", "The default depends on whose limits they are; see there."},
		{"targets.NAME", "Target", "`scim` needs `url` and `auth`; `entra-inbound` needs `tenant`, `servicePrincipal`, `job` and `auth`; `okta-identity-source` needs `url`, `source` and `auth`; `scim-feed` needs `path`, `tokens` and `key`. Keys of another type are refused."},
		{"targets.NAME.auth", "TargetAuth", "`bearer` needs `token`; `basic` needs `username` and `password`; `oauth2` needs `tokenURL`, `clientID` and `clientSecret`; `secret` needs `clientID` and `clientSecret`; `certificate` and `private-key-jwt` need `clientID` and `privateKey`; `ssws` needs `token`. Keys of another type are refused."},
		{"targets.NAME.traits", "Traits", "What simscim would do without them is shown by `simscim check`."},
		{"targets.NAME.protect", "Protect", "`protect` in a mapping does the same for people, by a rule."},
		{"targets.NAME.handover", "Handover", "For `type: scim`. `age -d -i key.txt FILE` opens a file."},
		{"mappings.NAME", "Mapping", ""},
		{"mappings.NAME.users", "UserRules", ""},
		{"mappings.NAME.users.attributes.PATH", "AttributeRule", "A plain rule in place of the map stands for `value`. Give `value` or, for `userName`, `unique`, not both; with `unique` a name once issued stays, so `apply: always` and `default` are refused."},
		{"mappings.NAME.groups[]", "GroupRule", "Give `from` or `derive`, not both. `by` goes with `derive`, `members` with `from`."},
		{"sites[]", "Site", ""},
		{"sites[].match", "SiteMatch", "All conditions given must hold. `'*'` in place of the map takes every school."},
		{"sites[].override", "Override", ""},
		{"safeguards.COUNTER", "Safeguard", "Give `percent`, `count` or both. What is not named has these defaults: " + "%s"},
		{"windows.NAME", "Window", ""},
		{"leavers", "Leavers", ""},
		{"escrow", "Escrow", ""},
		{"quarantine", "Quarantine", ""},
		{"drift", "Drift", ""},
		{"notices[]", "Notice", "`webhook`, `teams` and `slack` need `url`; `email` needs `server`, `from` and `to`. Keys of another type are refused."},
		{"run", "Run", ""},
		{"run.feeds", "Feeds", "How Okta reaches them: [targets/okta.md](targets/okta.md#how-okta-reaches-it)."},
		{"run.feeds.tls", "FeedsTLS", ""},
	}
}

// markdown is the reference page.
func (m model) markdown() []byte {
	var b bytes.Buffer
	b.WriteString("<!-- Written by config/gen from config/types.go. Change it there, then run make gen. -->\n\n")
	b.WriteString(strings.Replace(intro, "{{template}}", strings.TrimSpace(string(config.Template())), 1))
	for _, s := range sections() {
		t := m[s.typeName]
		fmt.Fprintf(&b, "\n### %s\n\n%s\n", s.title, sentence(t.name, t.doc))
		if note := strings.Replace(s.note, "%s", safeguards(), 1); note != "" {
			fmt.Fprintf(&b, "\n%s\n", note)
		}
		b.WriteString("\n| key | type | default | allowed | meaning |\n|---|---|---|---|---|\n")
		for _, f := range t.fields {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", f.key, f.kind(m), f.defaultText(m), cell(f.allowed()), cell(f.doc))
		}
	}
	return b.Bytes()
}

// safeguards lists the default limits as they would be written.
func safeguards() string {
	cfg, problems := config.Parse("template.yaml", config.Template())
	if problems != nil {
		panic(problems) // a test of package config keeps the template right
	}
	var parts []string
	for _, o := range cfg.Entries()[0].Describe() {
		if name, ok := strings.CutPrefix(o.Path, "safeguards."); ok {
			parts = append(parts, "`"+name+"` "+o.Value)
		}
	}
	return strings.Join(parts, "; ") + "."
}

// kind names the type of a key in words, with a link where it has a section.
func (f *fieldDoc) kind(m model) string {
	e := elem(f.goType)
	word := map[string]string{
		"string": "text", "Text": "text", "Expr": "rule", "bool": "true or false", "int": "whole number", "float64": "number",
		"secret.Ref": "secret", "Duration": "duration", "AttributeRules": "map of rules", "Safeguards": "map", "SiteMatch": "'*' or map",
	}[e]
	if word == "" && m[e] != nil {
		word = "map"
	}
	switch {
	case strings.HasPrefix(f.goType, "[]"):
		return "list of " + plural(word)
	case strings.HasPrefix(f.goType, "map["):
		return "map of " + plural(word)
	default:
		return word
	}
}

func plural(word string) string { return strings.TrimSuffix(word, "s") + "s" }

func (f *fieldDoc) defaultText(m model) string {
	switch {
	case f.tag.Get("required") == "true":
		return "**required**"
	case f.def != "":
		return "`" + strings.ReplaceAll(f.def, "|", "`, `") + "`"
	case f.goType == "bool":
		return "`false`"
	case m[f.goType] != nil && len(m[f.goType].fields) > 0:
		return "see its section"
	default:
		return ""
	}
}

// allowed says in words what the tags allow.
func (f *fieldDoc) allowed() string {
	low, high := f.tag.Get("min"), f.tag.Get("max")
	switch {
	case f.tag.Get("enum") != "":
		return "`" + strings.ReplaceAll(f.tag.Get("enum"), "|", "`, `") + "`"
	case f.tag.Get("keys") != "":
		return "keys `" + strings.ReplaceAll(f.tag.Get("keys"), "|", "`, `") + "`"
	case low != "" && high != "":
		return low + " to " + high
	case low != "":
		return low + " or more"
	case elem(f.goType) == "secret.Ref":
		return "`env:NAME`, `file:/path`"
	}
	return map[string]string{
		"url": "https URL; http for this machine only", "guid": "GUID", "dfe": "seven digits, also as 123/4567", "cron": "five fields",
		"zone": "name such as `Europe/London`", "address": "address:port", "dsn": "`file:` and a path",
		"network": "address, or network such as `10.42.0.0/16`", "route": "letters, digits and `-` after each `/`",
	}[f.tag.Get("format")]
}

// cell keeps a text from ending a cell of the table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
