package okta

import "net/http"

// The endpoints of single users do at once what a session does later.

func (c *call) user() (*user, error) {
	u := c.src.user(c.r.PathValue("user"))
	if u == nil {
		return nil, notFound("user")
	}
	return u, nil
}

func (u *user) document() map[string]any {
	return map[string]any{
		"id": u.id, "externalId": u.externalID, "profile": u.profile,
		"created": stamp(u.created), "lastUpdated": stamp(u.updated),
	}
}

// entity reads a single user or group. Its id may be left out where the path has it.
func (c *call) entity(idMost int, pathID string, fields map[string]length) (entity, profile, error) {
	var e entity
	if err := c.decode(&e); err != nil {
		return e, nil, err
	}
	if pathID != "" && e.ExternalID == "" {
		e.ExternalID = pathID
	}
	var f findings
	checkID(&f, "externalId", e.ExternalID, idMost)
	if pathID != "" && e.ExternalID != pathID {
		f.add("externalId", "it cannot be changed")
	}
	p := readProfile(&f, "profile", e.Profile, fields)
	return e, p, f.err()
}

func createUser(c *call) (reply, error) {
	e, p, err := c.entity(maxMemberID, "", userFields())
	if err != nil {
		return reply{}, err
	}
	if c.src.user(e.ExternalID) != nil {
		return reply{}, invalid("externalId", "externalId: there is such a user already")
	}
	_, err = c.put(e.ExternalID, merge(nil, p))
	return reply{status: http.StatusOK}, err
}

func (c *call) put(id string, p map[string]string) (reply, error) {
	if err := c.src.putUser(id, p, c.now); err != nil {
		return reply{}, invalid("profile", "profile: "+err.Error())
	}
	return reply{http.StatusOK, c.src.users[id].document()}, nil
}

func readUser(c *call) (reply, error) {
	u, err := c.user()
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, u.document()}, nil
}

func replaceUser(c *call) (reply, error) { return c.change(false) }

func updateUser(c *call) (reply, error) { return c.change(true) }

// change gives a user another profile, or with keep another part of it.
func (c *call) change(keep bool) (reply, error) {
	u, err := c.user()
	if err != nil {
		return reply{}, err
	}
	_, p, err := c.entity(maxUserID, u.externalID, userFields())
	if err != nil {
		return reply{}, err
	}
	var old map[string]string
	if keep {
		old = u.profile
	}
	return c.put(u.externalID, merge(old, p))
}

func deleteUser(c *call) (reply, error) {
	u, err := c.user()
	if err != nil {
		return reply{}, err
	}
	c.src.deactivate(u.externalID, c.now)
	return reply{status: http.StatusNoContent}, nil
}
