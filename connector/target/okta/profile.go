package okta

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"simscim/connector/plan"
	"simscim/scim"
)

const (
	externalID scim.Path = "externalId"
	userName   scim.Path = "userName"
	active     scim.Path = "active"

	// maxKey is the longest id that may be a member or be asked for. A record alone may
	// have a longer one, and would then be in no group.
	maxKey = 255
)

// profile is a record as it is sent, by Okta's names; nil takes a value away.
type profile map[string]*string

// length is how many characters a value may have. What must have some is never taken
// away.
type length struct{ least, most int }

// lengths of what Okta has limits for.
func lengths(kind scim.Kind) map[string]length {
	if kind == scim.Group {
		return map[string]length{"displayName": {1, 255}, "description": {0, 1024}}
	}
	return map[string]length{
		"userName": {1, 100}, "email": {5, 100}, "firstName": {1, 50}, "lastName": {1, 50},
		"secondEmail": {0, 100}, "mobilePhone": {0, 100}, "homeAddress": {0, 4096},
	}
}

// longest are the lengths of what no account does without, by path.
func longest() map[scim.Path]int {
	by, l := map[scim.Path]int{externalID: maxKey}, lengths(scim.User)
	for _, path := range []scim.Path{userName, "name.givenName", "name.familyName", `emails[type eq "work"].value`} {
		name, _ := nameOf(scim.User, path)
		by[path] = l[name].most
	}
	return by
}

// required are the attributes without which there is no record.
func required(kind scim.Kind) []string {
	if kind == scim.Group {
		return []string{"displayName"}
	}
	return []string{"userName", "email", "firstName", "lastName"}
}

// unsent tells whether the path is of what the identity source has no attribute for and
// needs none: the id stands beside the profile, being active is being there, what has
// one value has no primary one, and passwords are set by Okta's own policies.
func unsent(path scim.Path) bool {
	p := path.Parts()
	return path == externalID || path == active || path == "password" || p.Sub == "primary" || p.Sub == "type"
}

var errNoName = errors.New("it has no name at the identity source")

// nameOf is what an attribute is called in the profile.
func nameOf(kind scim.Kind, path scim.Path) (string, error) {
	p := path.Parts()
	switch {
	case kind == scim.Group && path != "displayName" && path != "description":
		return "", errors.New("a group has displayName and description, and nothing else")
	case p.Attr == "emails":
		if p.SelAttr == "" || strings.EqualFold(p.SelValue, "work") {
			return "email", nil
		}
		return "secondEmail", nil
	case p.Attr == "phoneNumbers":
		if strings.EqualFold(p.SelValue, "mobile") {
			return "mobilePhone", nil
		}
		return "primaryPhone", nil
	case p.Attr == "manager":
		return "managerId", nil
	}
	last := p.Sub
	if last == "" {
		last = p.Attr
	}
	switch last {
	case "givenName":
		return "firstName", nil
	case "familyName":
		return "lastName", nil
	case "locality":
		return "city", nil
	case "region":
		return "state", nil
	case "postalCode":
		return "zipCode", nil
	case "country":
		return "countryCode", nil
	case "formatted":
		if p.Attr == "addresses" {
			return "homeAddress", nil
		}
	case "value", "":
		return "", errNoName
	}
	return last, nil
}

// unfit is an object that Okta would refuse. It says why without any value.
type unfit struct {
	path scim.Path
	why  error
}

func (e *unfit) Error() string {
	if e.path == "" {
		return e.why.Error()
	}
	return string(e.path) + ": " + e.why.Error()
}

func (e *unfit) Unwrap() error { return e.why }

// profileOf makes the record that a change brings about: all that is wanted, and nulls
// for what is taken away. What is written only once is left out of what changes, and so
// stays. It goes along with who comes back: nothing shows what Okta has kept of them.
func profileOf(c *plan.Change) (profile, error) {
	if n := utf8.RuneCountInString(c.Key); n == 0 || n > maxKey || c.Key == "." || c.Key == ".." {
		return nil, &unfit{externalID, fmt.Errorf("a key has from 1 to %d characters", maxKey)}
	}
	attrs := c.Whole()
	if c.Action == plan.ReactivateUser {
		attrs = c.After
	}
	out, from := profile{}, map[string]scim.Path{}
	for _, a := range attrs {
		if err := out.put(c.Kind, a.Path, a.Value, from, false); err != nil {
			return nil, &unfit{a.Path, err}
		}
	}
	for _, f := range c.Set {
		if err := out.put(c.Kind, f.Path, f.After, from, true); err != nil {
			return nil, &unfit{f.Path, err}
		}
	}
	if c.Action == plan.CreateUser || c.Action == plan.CreateGroup {
		for _, name := range required(c.Kind) {
			if out[name] == nil {
				return nil, &unfit{why: fmt.Errorf("%s is missing", name)}
			}
		}
	}
	return out, nil
}

// put takes one attribute in. from are the paths by name: no two may have the same.
func (p profile) put(kind scim.Kind, path scim.Path, value any, from map[string]scim.Path, clear bool) error {
	if unsent(path) {
		return nil
	}
	name, err := nameOf(kind, path)
	if err != nil {
		return err
	}
	if other, ok := from[name]; ok && other != path {
		return fmt.Errorf("%s and %s are both %s at the identity source", other, path, name)
	}
	limit, limited := lengths(kind)[name]
	if scim.IsUnassigned(value) {
		if clear && p[name] == nil {
			if limit.least > 0 {
				return fmt.Errorf("%s cannot be without a value", name)
			}
			p[name], from[name] = nil, path
		}
		return nil
	}
	text, ok := value.(string)
	if !ok {
		return errors.New("an identity source takes text only; make it one in the rule with string(…)")
	}
	if n := utf8.RuneCountInString(text); limited && (n < limit.least || n > limit.most) {
		return fmt.Errorf("%s has from %d to %d characters", name, limit.least, limit.most)
	}
	p[name], from[name] = &text, path
	return nil
}

// sameAs tells whether the record at Okta is the one that was sent, as far as who it is
// about is concerned. Spaces and case may have been tidied up there.
func (p profile) sameAs(there map[string]string, kind scim.Kind) bool {
	return !slices.ContainsFunc(required(kind), func(name string) bool {
		sent := p[name]
		return sent != nil && scim.Fold(strings.TrimSpace(*sent)) != scim.Fold(strings.TrimSpace(there[name]))
	})
}

// attributes are those of a record at Okta that are asked for.
func attributes(kind scim.Kind, key string, there map[string]string, paths []scim.Path) scim.Attributes {
	var out scim.Attributes
	for _, path := range paths {
		switch {
		case path == externalID:
			out = append(out, scim.Attribute{Path: path, Value: key})
		case path == active && kind == scim.User:
			out = append(out, scim.Attribute{Path: path, Value: true})
		case path.Parts().Sub == "primary":
			out = append(out, scim.Attribute{Path: path, Value: true}) // the only one
		case path.Parts().Sub == "type":
			out = append(out, scim.Attribute{Path: path, Value: path.Parts().SelValue})
		default:
			if name, err := nameOf(kind, path); err == nil && there[name] != "" {
				out = append(out, scim.Attribute{Path: path, Value: there[name]})
			}
		}
	}
	return out.Sort()
}

// texts are the attributes of a record at Okta that are text.
type texts map[string]string

// UnmarshalJSON leaves out what is no text.
func (t *texts) UnmarshalJSON(b []byte) error {
	var all map[string]any
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	*t = texts{}
	for name, v := range all {
		if text, ok := v.(string); ok {
			(*t)[name] = text
		}
	}
	return nil
}
