package mapper

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"simscim/internal/nearest"
	"simscim/scim"
)

// attrDef is what RFC 7643 says of one attribute.
type attrDef struct {
	want resultKind
	// subs are the sub-attributes of a complex attribute.
	subs map[string]resultKind
	// multi tells that the attribute is a list of complex values.
	multi bool
	// refuse says why no rule may write it, if none may.
	refuse string
}

// userSchema is the core User of RFC 7643 §4.1.
func userSchema() map[string]attrDef {
	text := attrDef{want: wantText}
	plain := func(extra ...string) attrDef {
		subs := map[string]resultKind{"value": wantText, "display": wantText, "type": wantText, "primary": wantBool}
		for _, name := range extra {
			subs[name] = wantText
		}
		return attrDef{want: wantList, subs: subs, multi: true}
	}
	address := plain("formatted", "streetAddress", "locality", "region", "postalCode", "country")
	delete(address.subs, "value")
	delete(address.subs, "display")
	return withCommon(map[string]attrDef{
		"userName": text, "displayName": text, "nickName": text, "profileUrl": text, "title": text,
		"userType": text, "preferredLanguage": text, "locale": text, "timezone": text,
		"password": {refuse: "a password is not worked out from the roll: users.password says which kind is made"},
		"active":   {want: wantBool},
		"name": {want: wantMap, subs: map[string]resultKind{
			"formatted": wantText, "familyName": wantText, "givenName": wantText,
			"middleName": wantText, "honorificPrefix": wantText, "honorificSuffix": wantText,
		}},
		"emails": plain(), "phoneNumbers": plain(), "ims": plain(), "photos": plain(),
		"entitlements": plain(), "roles": plain(), "x509Certificates": plain(),
		"addresses": address,
		"groups":    {refuse: "groups is read-only; who is in a group is decided by the rules under groups"},
	})
}

// enterpriseSchema is the extension of RFC 7643 §4.3.
func enterpriseSchema() map[string]attrDef {
	text := attrDef{want: wantText}
	return map[string]attrDef{
		"employeeNumber": text, "costCenter": text, "organization": text, "division": text, "department": text,
		"manager": {want: wantMap, subs: map[string]resultKind{"value": wantText, "$ref": wantText}},
	}
}

// groupSchema is the core Group of RFC 7643 §4.2.
func groupSchema() map[string]attrDef {
	return withCommon(map[string]attrDef{
		"displayName": {refuse: "the name of a group has a rule of its own, displayName"},
		"members":     {refuse: "who is in a group is decided by the group's members or include"},
	})
}

// withCommon adds the common attributes of RFC 7643 §3.1.
func withCommon(m map[string]attrDef) map[string]attrDef {
	m["id"] = attrDef{refuse: "id is read-only; the target gives it"}
	m["meta"] = attrDef{refuse: "meta is read-only; the target gives it"}
	m["schemas"] = attrDef{refuse: "schemas follows from the attributes"}
	m["externalId"] = attrDef{refuse: "externalId is the identity of the object; use users.key"}
	if _, ok := m["members"]; !ok {
		m["members"] = attrDef{refuse: "members belongs to groups"}
	}
	return m
}

// checkPath tells what a rule for the attribute at path has to yield, or what is
// wrong with the path.
func checkPath(kind scim.Kind, path scim.Path) (resultKind, string) {
	p := path.Parts()
	schema := userSchema()
	if kind == scim.Group {
		schema = groupSchema()
	}
	switch {
	case p.URN == scim.EnterpriseURN && kind == scim.User:
		schema = enterpriseSchema()
	case p.URN == scim.EnterpriseURN:
		return "", "the enterprise extension belongs to users"
	case p.URN != "":
		for _, known := range []string{scim.EnterpriseURN, scim.UserURN, scim.GroupURN} {
			if n := nearest.Distance(p.URN, known); n <= 2 {
				return "", fmt.Sprintf("the schema %q is not known; did you mean %q?", p.URN, known)
			}
		}
		return wantAny, "" // of the target's own extensions nothing is known
	}
	return checkKnown(schema, p)
}

func checkKnown(schema map[string]attrDef, p scim.Parts) (resultKind, string) {
	def, ok := schema[p.Attr]
	switch {
	case !ok:
		names := slices.DeleteFunc(slices.Collect(maps.Keys(schema)), func(n string) bool { return schema[n].refuse != "" })
		if len(names) == 0 {
			return "", fmt.Sprintf("a group has no attribute %q; what else it holds belongs to an extension, with its URN", p.Attr)
		}
		return "", fmt.Sprintf("there is no attribute %q%s", p.Attr, orNearest(p.Attr, names))
	case def.refuse != "":
		return "", def.refuse
	case p.SelAttr != "" && !def.multi:
		return "", fmt.Sprintf("%s is not a list, so nothing can be selected from it", p.Attr)
	case p.SelAttr != "" && p.SelAttr != "type":
		return "", fmt.Sprintf(`elements of %s are selected by type, as in %s[type eq "work"]`, p.Attr, p.Attr)
	case def.multi && p.SelAttr == "" && p.Sub != "":
		return "", fmt.Sprintf(`%s is a list; say which element, as in %s[type eq "work"].%s`, p.Attr, p.Attr, p.Sub)
	}
	if p.SelAttr != "" && p.Sub == "" {
		p.Sub = "value" // RFC 7643 §2.4: the value proper
	}
	if p.Sub == "" {
		return def.want, ""
	}
	want, ok := def.subs[p.Sub]
	if !ok {
		if len(def.subs) == 0 {
			return "", fmt.Sprintf("%s has no sub-attributes", p.Attr)
		}
		return "", fmt.Sprintf("%s has no sub-attribute %q%s", p.Attr, p.Sub, orNearest(p.Sub, slices.Collect(maps.Keys(def.subs))))
	}
	return want, ""
}

// sameSpot tells whether two paths write the same attribute, or one of them a part of
// the other.
func sameSpot(a, b scim.Path) bool {
	x, y := a.Parts(), b.Parts()
	if !strings.EqualFold(x.URN, y.URN) || !strings.EqualFold(x.Attr, y.Attr) {
		return false
	}
	if x.SelAttr != "" && y.SelAttr != "" {
		if !strings.EqualFold(x.SelAttr, y.SelAttr) || !strings.EqualFold(x.SelValue, y.SelValue) {
			return false
		}
		x.Sub, y.Sub = orElse(x.Sub, "value"), orElse(y.Sub, "value")
		return strings.EqualFold(x.Sub, y.Sub)
	}
	if x.SelAttr != "" || y.SelAttr != "" {
		return true // the whole list, and an element of it
	}
	return x.Sub == "" || y.Sub == "" || strings.EqualFold(x.Sub, y.Sub)
}
