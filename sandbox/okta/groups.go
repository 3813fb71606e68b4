package okta

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
)

const (
	// mostMembers is the most members on a page; someMembers is how many it has if the
	// client does not say.
	mostMembers, someMembers = 1000, 200
)

func (c *call) group() (*group, error) {
	g := c.src.group(c.r.PathValue("group"))
	if g == nil {
		return nil, notFound("group")
	}
	return g, nil
}

func (g *group) document() map[string]any {
	return map[string]any{"id": g.id, "externalId": g.externalID, "profile": g.profile}
}

func createGroup(c *call) (reply, error) {
	e, p, err := c.entity(maxGroupID, "", groupFields())
	switch {
	case err != nil:
		return reply{}, err
	case c.src.groups[e.ExternalID] != nil:
		return reply{}, invalid("externalId", "externalId: there is such a group already")
	case p["displayName"] == nil:
		return reply{}, invalid("profile", "profile.displayName: it is missing")
	}
	c.src.upsertGroup(e.ExternalID, p)
	return reply{http.StatusOK, c.src.groups[e.ExternalID].document()}, nil
}

func readGroup(c *call) (reply, error) {
	g, err := c.group()
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, g.document()}, nil
}

func updateGroup(c *call) (reply, error) {
	g, err := c.group()
	if err != nil {
		return reply{}, err
	}
	_, p, err := c.entity(maxGroupID, g.externalID, groupFields())
	if err != nil {
		return reply{}, err
	}
	c.src.upsertGroup(g.externalID, p)
	return reply{http.StatusOK, g.document()}, nil
}

func deleteGroup(c *call) (reply, error) {
	g, err := c.group()
	if err != nil {
		return reply{}, err
	}
	delete(c.src.groups, g.externalID)
	return reply{status: http.StatusNoContent}, nil
}

// listMembers pages by the last id of the page before, which the Link header carries.
func listMembers(c *call) (reply, error) {
	g, err := c.group()
	if err != nil {
		return reply{}, err
	}
	query := c.r.URL.Query()
	limit := someMembers
	if text := query.Get("limit"); text != "" {
		limit, err = strconv.Atoi(text)
		if err != nil || limit < 1 || limit > mostMembers {
			return reply{}, invalid("limit", fmt.Sprintf("limit: it must be from 1 to %d", mostMembers))
		}
	}
	members := slices.Sorted(maps.Keys(g.members))
	if after := query.Get("after"); after != "" {
		at, found := slices.BinarySearch(members, after)
		if found {
			at++
		}
		members = members[at:]
	}
	here := base(c.r) + c.r.URL.EscapedPath()
	c.header.Add("Link", fmt.Sprintf(`<%s?%s>; rel="self"`, here, query.Encode()))
	if len(members) > limit {
		members = members[:limit]
		query.Set("after", members[limit-1])
		c.header.Add("Link", fmt.Sprintf(`<%s?%s>; rel="next"`, here, query.Encode()))
	}
	return reply{http.StatusOK, map[string]any{"memberExternalIds": append([]string{}, members...)}}, nil
}

func addMember(c *call) (reply, error) {
	g, err := c.group()
	if err != nil {
		return reply{}, err
	}
	var body struct {
		Member string `json:"memberExternalId"`
	}
	if err := c.decode(&body); err != nil {
		return reply{}, err
	}
	if c.src.user(body.Member) == nil {
		return reply{}, notFound("member")
	}
	g.members[body.Member] = true
	return reply{status: http.StatusNoContent}, nil
}

func removeMember(c *call) (reply, error) {
	g, err := c.group()
	if err != nil {
		return reply{}, err
	}
	id := c.r.PathValue("member")
	if !g.members[id] {
		return reply{}, notFound("member")
	}
	delete(g.members, id)
	return reply{status: http.StatusNoContent}, nil
}
