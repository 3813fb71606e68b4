package okta

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"simscim/scim"
	"simscim/scim/filter"
)

// nobody is a user name that no school has.
const nobody = "nobody.imports.this@example.invalid"

// feedUser is what Okta needs of a user. The lists must be lists, whatever is in them.
type feedUser struct {
	ID, UserName string
	Name         struct{ GivenName, FamilyName string }
	Emails       []struct {
		Value   string
		Primary bool
	}
	Active                                                                              *bool
	PhoneNumbers, Addresses, Groups, Roles, Entitlements, IMs, Photos, X509Certificates []json.RawMessage
}

// problem says what Okta cannot do without.
func (u *feedUser) problem() string {
	switch {
	case u.UserName == "":
		return "userName is missing"
	case u.Name.GivenName == "":
		return "name.givenName is missing"
	case u.Name.FamilyName == "":
		return "name.familyName is missing"
	case len(u.Emails) == 0 || u.Emails[0].Value == "":
		return "emails are missing"
	case u.Active == nil:
		return "active is missing"
	}
	return ""
}

// email is the primary address, else the first.
func (u *feedUser) email() string {
	for _, e := range u.Emails {
		if e.Primary {
			return e.Value
		}
	}
	return u.Emails[0].Value
}

// users reads every user, after the test that Okta makes when an app is set up.
func (f *feed) users(ctx context.Context) ([]account, error) {
	if _, err := f.list(ctx, scim.User, "", 1, 2); err != nil {
		return nil, fmt.Errorf("first test: %w", err)
	}
	var out []account
	names := map[string]bool{}
	err := f.twice(ctx, scim.User, func(row json.RawMessage) error {
		u, err := readAccount(row)
		if err != nil {
			return err
		}
		name := scim.Fold(u.Profile["userName"])
		if names[name] {
			return errors.New("the user name has come before")
		}
		names[name] = true
		out = append(out, u)
		return nil
	})
	if err != nil {
		return nil, err
	}
	found, err := f.list(ctx, scim.User, userNamed(nobody), 1, pageSize)
	switch {
	case err != nil:
		return nil, fmt.Errorf("look up nobody: %w", err)
	case found.total != 0 || len(found.rows) != 0:
		return nil, errors.New("look up nobody: the filter finds somebody")
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, f.lookUp(ctx, scim.User, userNamed(out[0].Profile["userName"]), out[0].ExternalID)
}

func userNamed(name string) string { return filter.Eq("userName", name) }

func readAccount(row json.RawMessage) (account, error) {
	var u feedUser
	if json.Unmarshal(row, &u) != nil {
		return account{}, errors.New("an attribute has a wrong type; what may have many values must be a list")
	}
	if p := u.problem(); p != "" {
		return account{}, errors.New(p)
	}
	var all map[string]any
	if err := json.Unmarshal(row, &all); err != nil {
		return account{}, errors.New("it is no object")
	}
	delete(all, "meta")
	delete(all, "groups") // they are imported by themselves
	canonical, err := json.Marshal(all)
	if err != nil {
		return account{}, errors.New("it cannot be kept")
	}
	return account{
		User: User{
			ID: idOf("00u", u.ID), ExternalID: u.ID, Status: status(*u.Active),
			Profile: map[string]string{"userName": u.UserName, "firstName": u.Name.GivenName, "lastName": u.Name.FamilyName, "email": u.email()},
		},
		print: sha256.Sum256(canonical),
	}, nil
}

// groups reads every group with its members.
func (f *feed) groups(ctx context.Context) ([]Group, error) {
	var out []Group
	err := f.twice(ctx, scim.Group, func(row json.RawMessage) error {
		var g struct {
			ID, DisplayName string
			Members         []struct{ Value string }
		}
		if json.Unmarshal(row, &g) != nil || g.DisplayName == "" {
			return errors.New("it needs a displayName, and members in a list")
		}
		read := Group{ID: idOf("00g", g.ID), ExternalID: g.ID, Type: AppGroup, DisplayName: g.DisplayName}
		for _, m := range g.Members {
			read.Members = append(read.Members, m.Value)
		}
		out = append(out, read)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, f.lookUp(ctx, scim.Group, filter.Eq("displayName", out[0].DisplayName), out[0].ExternalID)
}
