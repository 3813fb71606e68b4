package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

type object = map[string]any

// schema is the JSON Schema (draft 2020-12). It says what a schema can say; references
// between sections, cron expressions and the like are checked by simscim itself.
func (m model) schema() ([]byte, error) {
	defs := object{}
	for name, t := range m {
		if len(t.fields) > 0 && name != "Config" {
			defs[name] = m.structSchema(t)
		}
	}
	rule := object{"description": "A rule in the Common Expression Language.", "type": []string{"string", "number", "boolean"}, "minLength": 1}
	attribute := object{"oneOf": []object{{"$ref": "#/$defs/Expr"}, {"$ref": "#/$defs/AttributeRule"}}}
	defs["Expr"] = rule
	defs["AttributeRules"] = object{"type": "object", "minProperties": 1, "additionalProperties": attribute}
	defs["secret"] = object{"description": "A reference to a secret, never the secret.", "type": "string", "pattern": "^(env|file):.+"}
	defs["Duration"] = object{"description": "A length of time such as 30s or 10m.", "type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`}
	defs["Safeguards"] = object{"type": "object", "additionalProperties": object{"$ref": "#/$defs/Safeguard"}}
	m.extend(defs)

	root := m.structSchema(m["Config"])
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "simscim configuration"
	root["$defs"] = defs
	// A configuration may be spread over several files, each of which has a part.
	delete(root, "required")
	root["minProperties"] = 1
	out, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the schema: %w", err)
	}
	return append(out, '\n'), nil
}

// extend adds to the definitions what is no matter of single keys.
func (m model) extend(defs object) {
	def := func(name string) object { return defs[name].(object) }
	oneOf := func(keys ...string) []object {
		var all []object
		for _, k := range keys {
			all = append(all, object{"required": []string{k}})
		}
		return all
	}
	simsID := object{
		"properties": object{"type": object{"const": "sims-id"}},
		"oneOf":      oneOf("vendor", "credentials"),
	}
	def("Source")["oneOf"] = []object{simsID, needs("oneroster", "url", "auth"), needs("oneroster-csv", "path")}
	def("SourceAuth")["oneOf"] = []object{
		needs("bearer", "token"), needs("oauth2", "tokenURL", "clientID", "clientSecret"), needs("oauth1", "clientID", "clientSecret"),
	}
	def("AttributeRule")["oneOf"] = oneOf("value", "unique")
	def("GroupRule")["oneOf"] = oneOf("from", "derive")
	def("GroupRule")["dependentRequired"] = object{"by": []string{"derive"}, "members": []string{"from"}}
	def("Safeguard")["anyOf"] = oneOf("percent", "count")
	def("TargetAuth")["oneOf"] = []object{
		auth("bearer", "token"), auth("basic", "username", "password"), auth("oauth2", "tokenURL", "clientID", "clientSecret", "scope?"),
		auth("secret", "clientID", "clientSecret", "tenant?"), auth("certificate", "clientID", "privateKey", "tenant?"),
		auth("managed-identity", "clientID?"), auth("workload-identity", "clientID?", "tenant?"),
		auth("private-key-jwt", "clientID", "privateKey", "keyID?"), auth("ssws", "token"),
	}
	def("Target")["oneOf"] = []object{
		needs("scim", "url", "auth"), needs("entra-inbound", "tenant", "servicePrincipal", "job", "auth"),
		needs("okta-identity-source", "url", "source", "auth"), needs("scim-feed", "path", "tokens", "key"),
	}
	def("Notice")["oneOf"] = []object{needs("webhook", "url"), needs("teams", "url"), needs("slack", "url"), needs("email", "server", "from", "to")}
	match := defs["SiteMatch"]
	defs["SiteMatch"] = object{"oneOf": []any{object{"const": "*"}, match}}

	over := m.structSchema(m["UserRules"])
	over["description"] = "Changes to the rules for accounts; null drops an attribute."
	for _, p := range over["properties"].(object) {
		delete(p.(object), "default")
	}
	over["properties"].(object)["attributes"] = object{
		"type": "object", "minProperties": 1,
		"additionalProperties": object{"oneOf": []object{{"type": "null"}, {"$ref": "#/$defs/Expr"}, {"$ref": "#/$defs/AttributeRule"}}},
	}
	defs["UserOverride"] = over
	def("Override")["properties"].(object)["users"] = object{"$ref": "#/$defs/UserOverride"}
}

// needs names the keys that one type cannot do without.
func needs(kind string, keys ...string) object {
	return object{"properties": object{"type": object{"const": kind}}, "required": append([]string{"type"}, keys...)}
}

// auth allows the keys of one type of sign-in, and needs those without "?".
func auth(kind string, keys ...string) object {
	properties := object{"type": object{"const": kind}}
	required := []string{}
	for _, k := range keys {
		name, optional := strings.CutSuffix(k, "?")
		properties[name] = true
		if !optional {
			required = append(required, name)
		}
	}
	return object{"properties": properties, "required": required, "additionalProperties": false}
}

func (m model) structSchema(t *typeDoc) object {
	properties := object{}
	var required []string
	for _, f := range t.fields {
		properties[f.key] = m.fieldSchema(f)
		if f.tag.Get("required") == "true" {
			required = append(required, f.key)
		}
	}
	s := object{"type": "object", "description": sentence(t.name, t.doc), "properties": properties, "additionalProperties": false, "minProperties": 1}
	if required != nil {
		s["required"] = required
	}
	return s
}

func (m model) fieldSchema(f *fieldDoc) object {
	s := m.typeSchema(f.goType, f)
	s["description"] = f.doc
	if v, ok := defaultValue(f); ok {
		s["default"] = v
	}
	return s
}

func (m model) typeSchema(goType string, f *fieldDoc) object {
	if rest, ok := strings.CutPrefix(goType, "*"); ok {
		return m.typeSchema(rest, f)
	}
	if rest, ok := strings.CutPrefix(goType, "[]"); ok {
		s := object{"type": "array", "items": m.typeSchema(rest, f)}
		if f.tag.Get("empty") != "true" {
			s["minItems"] = 1
		}
		return s
	}
	if rest, ok := strings.CutPrefix(goType, "map[string]"); ok {
		s := object{"type": "object", "additionalProperties": m.typeSchema(rest, f)}
		if rest == "string" {
			s["additionalProperties"] = object{"type": []string{"string", "number", "boolean"}}
		}
		switch f.tag.Get("names") {
		case "name":
			s["propertyNames"] = object{"pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"}
		case "identifier":
			s["propertyNames"] = object{"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}
		}
		return s
	}
	switch goType {
	case "string", "Text":
		return textSchema(f)
	case "bool":
		return object{"type": "boolean"}
	case "int", "float64":
		return numberSchema(goType, f)
	case "secret.Ref":
		return object{"$ref": "#/$defs/secret"}
	case "Safeguards":
		return object{"$ref": "#/$defs/Safeguards", "propertyNames": object{"enum": strings.Split(f.tag.Get("keys"), "|")}}
	default:
		return object{"$ref": "#/$defs/" + goType}
	}
}

func textSchema(f *fieldDoc) object {
	s := object{"type": "string", "minLength": 1}
	if e := f.tag.Get("enum"); e != "" {
		return object{"enum": strings.Split(e, "|")}
	}
	switch f.tag.Get("format") {
	case "url":
		s["pattern"] = "^https?://"
	case "guid":
		s["pattern"] = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"
	case "dsn":
		s["pattern"] = "^file:."
	case "dfe":
		// Written without quotes and a separator it is a number in YAML.
		s["type"] = []string{"string", "integer"}
		s["pattern"] = "^[0-9]{3}[ /-]?[0-9]{4}$"
	}
	return s
}

func numberSchema(goType string, f *fieldDoc) object {
	s := object{"type": map[string]string{"int": "integer", "float64": "number"}[goType]}
	if e := f.tag.Get("enum"); e != "" {
		var values []json.Number
		for v := range strings.SplitSeq(e, "|") {
			values = append(values, json.Number(v))
		}
		s["enum"] = values
	}
	for tag, key := range map[string]string{"min": "minimum", "max": "maximum"} {
		if v := f.tag.Get(tag); v != "" {
			s[key] = json.Number(v)
		}
	}
	return s
}

// defaultValue is the default in the type of its key.
func defaultValue(f *fieldDoc) (any, bool) {
	def := f.tag.Get("default")
	switch {
	case def == "":
		return nil, false
	case strings.HasPrefix(f.goType, "[]"):
		return strings.Split(def, "|"), true
	case f.goType == "int" || f.goType == "float64":
		_, err := strconv.ParseFloat(def, 64)
		return json.Number(def), err == nil
	default:
		return def, true
	}
}
