package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"simscim/scim"
)

// fit adapts a change to what the target can hold. It returns why the change cannot be
// made at all, or "". Nothing that the target is known to refuse is sent to it.
func (b *builder) fit(c *Change) string {
	switch c.Action {
	case CreateUser:
		if b.Can.NeedsPassword && c.Password == "" {
			return "the target makes no account without a password, and no rule gives one: add users.password to the mapping"
		}
		if !b.Can.TakesPassword {
			c.Password = ""
		}
		return cmp.Or(lacks(c.After, b.Can.RequiredUser), b.tooLong(c))
	case CreateGroup:
		return lacks(c.After, b.Can.RequiredGroup)
	case UpdateUser, ReactivateUser, RenameUser, AdoptUser:
		c.Set = only(c.Set, b.Can.UserPaths)
		return b.tooLong(c)
	case UpdateGroup, AdoptGroup:
		return b.fitGroup(c)
	}
	return ""
}

// fitGroup takes out of a group's change what the target does not let be changed.
func (b *builder) fitGroup(c *Change) string {
	c.Set = only(c.Set, b.Can.GroupPaths)
	if b.Can.RenameGroups || c.Action == AdoptGroup {
		return ""
	}
	renamed := slices.ContainsFunc(c.Set, func(f Field) bool { return f.Path == displayName })
	if !renamed {
		return ""
	}
	b.skip(Skip{
		Kind: c.Kind, Key: c.Key, Label: c.Label,
		Reason: "the target does not rename groups: delete the group there to have it made anew, or keep its name",
	})
	c.Set = slices.DeleteFunc(slices.Clone(c.Set), func(f Field) bool { return f.Path == displayName })
	return ""
}

// empty tells whether nothing is left to do of an update.
func (c *Change) empty() bool {
	switch c.Action {
	case UpdateUser, UpdateGroup:
		return len(c.Set)+len(c.Add)+len(c.Remove) == 0
	default:
		return false
	}
}

// only keeps the fields whose attribute is among the allowed, or part of one; nil allows
// any.
func only(set []Field, allowed []scim.Path) []Field {
	if allowed == nil {
		return set
	}
	return slices.DeleteFunc(slices.Clone(set), func(f Field) bool {
		return !slices.ContainsFunc(allowed, func(p scim.Path) bool { return within(f.Path, p) })
	})
}

// lacks says which attributes are missing that the target does not do without, or "".
func lacks(attrs scim.Attributes, required []scim.Path) string {
	var missing []string
	for _, p := range required {
		has := slices.ContainsFunc(attrs, func(a scim.Attribute) bool { return within(a.Path, p) && !scim.IsUnassigned(a.Value) })
		if !has {
			missing = append(missing, string(p))
		}
	}
	if len(missing) == 0 {
		return ""
	}
	return fmt.Sprintf("the target wants %s, and the rules yield none", strings.Join(missing, ", "))
}

// tooLong says which value of a user is longer than the target holds, and what to do about
// it, or "".
func (b *builder) tooLong(c *Change) string {
	if len(b.Can.LongestUser) == 0 {
		return ""
	}
	sent := c.After
	if c.Action != CreateUser {
		sent = make(scim.Attributes, len(c.Set))
		for i, f := range c.Set {
			sent[i] = scim.Attribute{Path: f.Path, Value: f.After}
		}
	}
	for _, a := range sent {
		most, limited := b.Can.LongestUser[a.Path]
		n := utf8.RuneCountInString(sent.String(a.Path))
		if !limited || n <= most {
			continue
		}
		what := "shorten it in its rule"
		if a.Path == externalID {
			what = fmt.Sprintf("give a shorter key by the rule users.key, such as shortCode(person.id, %d)", most)
		}
		return fmt.Sprintf("%s has %d characters, and the target holds %d: %s", a.Path, n, most, what)
	}
	return ""
}

// within tells whether path is the attribute, or a part of it.
func within(path, attribute scim.Path) bool {
	rest, ok := strings.CutPrefix(string(path), string(attribute))
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[' || rest[0] == ':')
}
