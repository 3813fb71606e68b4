package plan

import (
	"strings"
	"testing"

	"simscim/mapper"
	"simscim/scim"
)

// A new account gets its kind of password where the target takes one; no other change does.
func TestPasswords(t *testing.T) {
	t.Parallel()
	compute := func(takes, needs bool, kind mapper.Password) *Plan {
		in := world()
		in.Can.TakesPassword, in.Can.NeedsPassword = takes, needs
		in.Desired.Users = append(in.Desired.Users, user("c", "cat", "Cole"))
		for i := range in.Desired.Users {
			in.Desired.Users[i].Password = kind
		}
		return Compute(in)
	}
	digest := func(p *Plan) string { return p.Digest(func(scim.Path, any) uint64 { return 0 }) }
	p := compute(true, false, mapper.WordsPassword)
	for _, c := range p.Changes {
		if want := c.Action == CreateUser; (c.Password == mapper.WordsPassword) != want {
			t.Errorf("%s: %q", c.Action, c.Password)
		}
	}
	if digest(p) == digest(compute(true, false, mapper.RandomPassword)) {
		t.Error("another kind of password is the same plan")
	}
	none := compute(false, false, mapper.WordsPassword)
	for _, c := range none.Changes {
		if c.Password != "" {
			t.Errorf("%s with a password, which the target does not take", c.Action)
		}
	}
	if len(none.Skipped) != 0 || len(none.Changes) != len(p.Changes) {
		t.Errorf("%d changes, %d skipped", len(none.Changes), len(none.Skipped))
	}
	if got := compute(true, true, mapper.RandomPassword); len(got.Skipped) != 0 {
		t.Errorf("%+v", got.Skipped)
	}
	if got := compute(true, true, ""); len(got.Skipped) != 1 || !strings.Contains(got.Skipped[0].Reason, "users.password") {
		t.Errorf("%+v", got.Skipped)
	}
}
