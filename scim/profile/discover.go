package profile

import (
	"context"
	"fmt"
	"strings"

	"simscim/scim"
	"simscim/scim/client"
)

// maxPage is the largest page that is asked for, however large a server allows: a page
// is held in memory, and a large one is slow to come.
const maxPage = 500

// Discover refines base by what the server says of itself. A document that the server
// does not have changes nothing. Only a refused sign-in, a server in trouble and a
// failed call are errors.
func Discover(ctx context.Context, c *client.Client, base Profile) (Profile, error) {
	p := base
	p.Notes = append([]string(nil), base.Notes...)
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
	for _, correct := range p.pins {
		correct(&p)
	}
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
		p.note("The server says that it cannot filter: objects are found by listing all.")
	}
	if spc.FilterMax > 0 {
		p.PageMax = min(spc.FilterMax, maxPage)
	}
	if !p.Patch {
		p.note("The server has no PATCH: objects are read, changed and replaced whole.")
	}
	p.paging(spc.Pagination)
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
	if len(types) == 0 {
		return
	}
	p.Users, p.Groups = false, false
	for _, t := range types {
		p.Users = p.Users || is(t, scim.User)
		p.Groups = p.Groups || is(t, scim.Group)
	}
	if !p.Users && !p.Groups {
		// A list that names neither is a list that cannot be relied on.
		p.Users, p.Groups = true, true
	}
	if !p.Groups {
		p.note("The server has no groups.")
	}
}

func is(t client.ResourceType, kind scim.Kind) bool {
	return strings.EqualFold(t.Schema, kind.CoreURN()) || strings.EqualFold(t.Name, string(kind)) ||
		strings.EqualFold("/"+strings.Trim(t.Endpoint, "/"), kind.Endpoint())
}

func (p *Profile) schemas(schemas []client.Schema) {
	for _, s := range schemas {
		if !strings.EqualFold(s.ID, scim.GroupURN) {
			continue
		}
		if members, ok := s.Attribute("members"); ok && strings.EqualFold(members.Returned, "never") {
			p.MembersReadable = false
			p.note("The server never shows the members of a group.")
		}
		if name, ok := s.Attribute("displayName"); ok && (strings.EqualFold(name.Mutability, "immutable") || strings.EqualFold(name.Mutability, "readOnly")) {
			p.GroupRename = false
			p.note("The server does not rename groups.")
		}
	}
}

func (p *Profile) note(s string) { p.Notes = append(p.Notes, s) }
