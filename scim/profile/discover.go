package profile

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"simscim/scim"
	"simscim/scim/client"
)

const (
	// maxPage is the largest page that is asked for, however large a server allows: a
	// page is held in memory, and a large one is slow to come.
	maxPage = 500
	// maxBulk is the same for bulk requests: so many objects are in doubt when the answer
	// of one is lost.
	maxBulk = 1000
	// defaultBulkBytes stands where a server does not say how large a bulk request may be
	// (RFC 7644 §3.7.4 has this number as its example).
	defaultBulkBytes = 1 << 20
)

// Discover refines base by what the server says of itself. What the table pins and what
// the configuration overrules stays, with a note where the server says otherwise. A
// document that the server does not have changes nothing. Only a refused sign-in, a
// server in trouble and a failed call are errors.
func Discover(ctx context.Context, c *client.Client, base Profile) (Profile, error) {
	p := base
	p.Notes = slices.Clone(base.Notes)
	spc, err := c.ServiceProviderConfig(ctx)
	if err != nil {
		return base, fmt.Errorf("discover abilities: %w", err)
	}
	types, err := c.ResourceTypes(ctx)
	if err != nil {
		return base, fmt.Errorf("discover resource types: %w", err)
	}
	schemas, err := c.Schemas(ctx)
	if err != nil {
		return base, fmt.Errorf("discover schemas: %w", err)
	}
	p.abilities(spc)
	p.types(types)
	p.schemas(schemas)
	said := p.Describe()
	for _, correct := range p.pins {
		correct(&p)
	}
	p.noteLosses(&base)
	p.noteOverruled(said)
	return p, nil
}

func (p *Profile) abilities(spc *client.ServiceProviderConfig) {
	if spc == nil {
		p.note("The server has no readable ServiceProviderConfig; the usual abilities are assumed.")
		return
	}
	if spc.Patch.Known {
		p.Patch, p.PatchGroups = spc.Patch.Supported, spc.Patch.Supported
	}
	if spc.ETag.Known {
		p.ETag = spc.ETag.Supported
	}
	if spc.Filter.Known && !spc.Filter.Supported {
		p.FilterUsers, p.FilterGroups = nil, nil
	}
	if spc.FilterMax > 0 {
		p.PageMax = min(spc.FilterMax, maxPage)
	}
	p.bulk(spc.Bulk)
	p.paging(spc.Pagination)
}

// bulk believes in bulk requests only where their limit is told, as it must be (RFC 7644
// §3.7.4): of the servers that merely advertise them, many answer 501.
func (p *Profile) bulk(b client.BulkFeature) {
	switch {
	case !b.Known:
	case b.Supported && b.MaxOperations >= 2:
		p.Bulk.Operations = min(b.MaxOperations, maxBulk)
		p.Bulk.Bytes = defaultBulkBytes
		if b.MaxPayloadSize > 0 {
			p.Bulk.Bytes = b.MaxPayloadSize
		}
	case b.Supported:
		p.Bulk = Bulk{}
		p.note("The server advertises bulk requests without a usable limit: they are not used.")
	default:
		p.Bulk = Bulk{}
	}
}

// paging follows RFC 9865 §4: where both ways are offered the server's default is used.
func (p *Profile) paging(g *client.Pagination) {
	if g == nil {
		return
	}
	switch {
	case g.Cursor && (!g.Index || strings.EqualFold(g.Default, "cursor")):
		p.Paging = client.Cursor
	case g.Index:
		p.Paging = client.Index
	}
	if g.MaxPageSize > 0 {
		p.PageMax = min(g.MaxPageSize, maxPage)
	}
}

func (p *Profile) types(types []client.ResourceType) {
	users := slices.ContainsFunc(types, func(t client.ResourceType) bool { return is(t, scim.User) })
	groups := slices.ContainsFunc(types, func(t client.ResourceType) bool { return is(t, scim.Group) })
	if users || groups { // a list that names neither cannot be relied on
		p.Users, p.Groups = users, groups
	}
}

func is(t client.ResourceType, kind scim.Kind) bool {
	return strings.EqualFold(t.Schema, kind.CoreURN()) || strings.EqualFold(t.Name, string(kind)) ||
		strings.EqualFold("/"+strings.Trim(t.Endpoint, "/"), kind.Endpoint())
}

func (p *Profile) schemas(schemas []client.Schema) {
	for _, s := range schemas {
		switch {
		case strings.EqualFold(s.ID, scim.UserURN):
			password, _ := s.Attribute("password")
			p.PasswordRequired = password.Required
			p.RequiredUser = required(p.RequiredUser, s.Attributes)
		case strings.EqualFold(s.ID, scim.GroupURN):
			p.RequiredGroup = required(p.RequiredGroup, s.Attributes)
			if members, ok := s.Attribute("members"); ok && strings.EqualFold(members.Returned, "never") {
				p.MembersReadable = false
			}
			if name, ok := s.Attribute("displayName"); ok && fixed(name) {
				p.GroupRename = false
			}
		}
	}
}

func fixed(a client.SchemaAttribute) bool {
	return strings.EqualFold(a.Mutability, "immutable") || strings.EqualFold(a.Mutability, "readOnly")
}

// required adds the attributes that a schema demands of who creates a resource: not those
// that the server gives, nor the password, which is no attribute of the mapping.
func required(known []scim.Path, attributes []client.SchemaAttribute) []scim.Path {
	found := slices.Clone(known)
	add := func(name string) {
		if path, err := scim.ParsePath(name); err == nil && !slices.Contains(found, path) {
			found = append(found, path)
		}
	}
	for _, a := range attributes {
		skip := !a.Required || strings.EqualFold(a.Mutability, "readOnly") ||
			slices.ContainsFunc([]string{"id", "schemas", "meta", "password"}, func(s string) bool { return strings.EqualFold(s, a.Name) })
		if skip {
			continue
		}
		parts := 0
		for _, sub := range a.Sub {
			if sub.Required && !a.MultiValued {
				add(a.Name + "." + sub.Name)
				parts++
			}
		}
		if parts == 0 {
			add(a.Name)
		}
	}
	return found
}

// noteLosses tells what of the usual abilities the server turned out not to have.
func (p *Profile) noteLosses(base *Profile) {
	for _, loss := range []struct {
		had, has bool
		note     string
	}{
		{base.Patch, p.Patch, "The server has no PATCH: objects are read, changed and replaced whole."},
		{base.Groups, p.Groups, "The server has no groups."},
		{len(base.FilterUsers) > 0, len(p.FilterUsers) > 0, "The server says that it cannot filter: objects are found by listing all."},
		{base.MembersReadable, p.MembersReadable, "The server never shows the members of a group."},
		{base.GroupRename, p.GroupRename, "The server does not rename groups."},
		{!base.PasswordRequired, !p.PasswordRequired, "The server demands a password of every new account."},
	} {
		if loss.had && !loss.has {
			p.note(loss.note)
		}
	}
}

// noteOverruled tells where the server said something else of itself than what stands.
func (p *Profile) noteOverruled(said []Trait) {
	for i, now := range p.Describe() {
		if said[i].Value != now.Value {
			p.note(fmt.Sprintf("The server says otherwise of %s (%s); what is known of it stands (%s).", now.Name, said[i].Value, now.Value))
		}
	}
}

func (p *Profile) note(s string) { p.Notes = append(p.Notes, s) }
