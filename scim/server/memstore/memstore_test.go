package memstore_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"simscim/scim"
	"simscim/scim/filter"
	"simscim/scim/server"
	"simscim/scim/server/memstore"
)

func parse(t interface{ Fatal(...any) }, s string) filter.Expr {
	e, err := filter.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func status(err error) int {
	e, ok := errors.AsType[*scim.Error](err)
	if !ok {
		return 0
	}
	return e.Status
}

func members(ids ...string) []any {
	var list []any
	for _, id := range ids {
		list = append(list, map[string]any{"value": id, "display": "x", "$ref": "y"})
	}
	return list
}

func TestRules(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := memstore.New(memstore.Options{UniqueExternalID: true})
	create := func(kind scim.Kind, id string, attributes map[string]any) (server.Resource, error) {
		return s.Create(ctx, kind, server.Resource{ID: id, Attributes: attributes})
	}
	given := map[string]any{"userName": "Zoë", "externalId": "1", "password": "p"}
	zoe, err := create(scim.User, "a", given)
	if err != nil || zoe.Version != 1 || zoe.Seq != 1 || zoe.Attributes["password"] != nil || given["password"] != "p" {
		t.Fatalf("got %+v, %v", zoe, err)
	}
	for name, err := range map[string]error{
		"id":          second(create(scim.User, "a", map[string]any{"userName": "b"})),
		"user name":   second(create(scim.User, "b", map[string]any{"userName": "ZOE\u0308"})),
		"external id": second(create(scim.User, "b", map[string]any{"userName": "b", "externalId": "1"})),
	} {
		if status(err) != 409 {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Users and groups have external ids of their own; groups may share a name.
	for _, id := range []string{"g1", "g2"} {
		if _, err := create(scim.Group, id, map[string]any{"displayName": "10A", "members": members("a", "a")}); err != nil {
			t.Fatal(err)
		}
	}
	for _, list := range [][]any{members("nobody"), members("g3"), {map[string]any{}}, {"a"}, {nil}} {
		if _, err := create(scim.Group, "g3", map[string]any{"displayName": "x", "members": list}); status(err) != 400 {
			t.Errorf("members %v: %v", list, err)
		}
	}
	g1, err := s.Get(ctx, scim.Group, "g1")
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff([]any{map[string]any{"value": "a"}}, g1.Attributes["members"]); diff != "" {
		t.Error(diff)
	}
	stale := zoe
	zoe.Attributes = map[string]any{"userName": "zoe2"}
	if zoe, err = s.Replace(ctx, scim.User, zoe); err != nil || zoe.Version != 2 {
		t.Fatalf("got %+v, %v", zoe, err)
	}
	if _, err := s.Replace(ctx, scim.User, stale); !errors.Is(err, server.ErrChanged) {
		t.Errorf("stale replace: %v", err)
	}
	if err := s.Delete(ctx, scim.User, "a", 1); !errors.Is(err, server.ErrChanged) {
		t.Errorf("stale delete: %v", err)
	}
	if err := s.Delete(ctx, scim.User, "a", 2); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"delete": s.Delete(ctx, scim.User, "a", 0), "get": second(s.Get(ctx, scim.User, "a")), "replace": second(s.Replace(ctx, scim.User, zoe)),
	} {
		if status(err) != 404 {
			t.Errorf("%s after deletion: %v", name, err)
		}
	}
	if _, ok := s.Describe(ctx, "a"); ok {
		t.Error("the deleted user is still described")
	}
}

func second[T any](_ T, err error) error { return err }

// However users and groups come, change and go: names are unique, memberships agree in
// both directions and name only who exists, and an index finds what a walk finds.
func TestInvariants(t *testing.T) {
	t.Parallel()
	var filters []filter.Expr
	for _, text := range []string{
		`userName eq "N1"`, `externalId eq "x1"`, `displayName eq "d2"`, `id eq "u3"`, `groups.value eq "g4"`, `members.value eq "u1"`,
		`externalId eq "x1" and displayName eq "d1"`, `displayName eq "D1" or userName pr`, `meta.resourceType eq "User" and id eq "u1"`,
	} {
		filters = append(filters, parse(t, text))
	}
	rapid.Check(t, func(t *rapid.T) {
		ctx := t.Context()
		s := memstore.New(memstore.Options{Now: func() time.Time { return time.Unix(0, 0) }})
		small := rapid.IntRange(0, 5)
		for range rapid.IntRange(1, 15).Draw(t, "steps") {
			kind := rapid.SampledFrom([]scim.Kind{scim.User, scim.Group}).Draw(t, "kind")
			id := fmt.Sprintf("u%d", small.Draw(t, "id"))
			if kind == scim.Group {
				id = "g" + id[1:]
			}
			r := server.Resource{ID: id, Attributes: map[string]any{
				"externalId":  fmt.Sprintf("x%d", small.Draw(t, "external id")),
				"displayName": fmt.Sprintf("d%d", small.Draw(t, "display name")),
			}}
			if kind == scim.User {
				r.Attributes["userName"] = fmt.Sprintf("%c%d", "nN"[small.Draw(t, "case")%2], small.Draw(t, "name"))
			} else {
				var list []string
				for _, n := range rapid.SliceOfN(small, 0, 4).Draw(t, "members") {
					list = append(list, fmt.Sprintf("%c%d", "uug"[n%3], n))
				}
				r.Attributes["members"] = members(list...)
			}
			old, err := s.Get(ctx, kind, id)
			switch rapid.IntRange(0, 2).Draw(t, "action") {
			case 0:
				_, _ = s.Create(ctx, kind, r) // refusals are part of the game
			case 1:
				r.Version = old.Version
				_, replaceErr := s.Replace(ctx, kind, r)
				if err != nil && status(replaceErr) != 404 {
					t.Fatalf("replaced what is not there: %v", replaceErr)
				}
			default:
				if deleted := s.Delete(ctx, kind, id, 0); (err == nil) != (deleted == nil) {
					t.Fatalf("delete: %v, but get: %v", deleted, err)
				}
			}
			check(t, s, filters)
		}
	})
}

func check(t *rapid.T, s *memstore.Store, filters []filter.Expr) {
	ctx := t.Context()
	users, groups := s.All(scim.User), s.All(scim.Group)
	names, exists, inGroup := map[string]bool{}, map[string]bool{}, map[string][]string{}
	for _, u := range users {
		name := scim.Fold(u.Attributes["userName"].(string))
		if names[name] {
			t.Fatalf("%s is there twice", name)
		}
		names[name], exists[u.ID] = true, true
	}
	for _, g := range groups {
		exists[g.ID] = true
	}
	total := 0
	for _, g := range groups {
		list, _ := g.Attributes["members"].([]any)
		for _, item := range list {
			id := item.(map[string]any)["value"].(string)
			if !exists[id] || slices.Contains(inGroup[id], g.ID) {
				t.Fatalf("%s in %s: gone or twice", id, g.ID)
			}
			inGroup[id] = append(inGroup[id], g.ID)
			total++
		}
	}
	if _, _, memberships := s.Counts(); memberships != total {
		t.Fatalf("%d memberships counted, %d there", memberships, total)
	}
	for id := range exists {
		var have []string
		for _, ref := range s.GroupsOf(ctx, id) {
			have = append(have, ref.ID)
		}
		if diff := gocmp.Diff(inGroup[id], have); diff != "" {
			t.Fatalf("groups of %s: %s", id, diff)
		}
	}
	for kind, all := range map[scim.Kind][]server.Resource{scim.User: users, scim.Group: groups} {
		if !slices.IsSortedFunc(all, func(a, b server.Resource) int { return cmp.Compare(a.Seq, b.Seq) }) {
			t.Fatal("not in order")
		}
		for _, e := range filters {
			q := server.Query{Filter: e, Limit: 100}
			got, err := s.List(ctx, kind, q)
			if err != nil {
				t.Fatal(err)
			}
			want := server.SelectView(kind, slices.Values(all), q, func(r server.Resource) map[string]any {
				view := r.View(kind)
				if kind == scim.User {
					var list []any
					for _, id := range inGroup[r.ID] {
						list = append(list, map[string]any{"value": id})
					}
					view["groups"] = list
				}
				return view
			})
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Fatalf("%s %s:\n%s", kind, e, diff)
			}
		}
	}
}

// Pages cut from the list put together are the list.
func TestPages(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := memstore.New(memstore.Options{})
	for i := range 7 {
		if _, err := s.Create(ctx, scim.User, server.Resource{ID: fmt.Sprint(i), Attributes: map[string]any{"userName": fmt.Sprint("n", i)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Delete(ctx, scim.User, "3", 0); err != nil {
		t.Fatal(err)
	}
	for _, e := range []filter.Expr{nil, parse(t, "userName pr")} {
		var bySkip, byAfter []string
		after := int64(0)
		for skip := 0; skip < 8; skip += 2 {
			page, err := s.List(ctx, scim.User, server.Query{Filter: e, Skip: skip, Limit: 2})
			if err != nil || page.Total != 6 {
				t.Fatalf("%+v, %v", page, err)
			}
			for _, r := range page.Resources {
				bySkip = append(bySkip, r.ID)
			}
			page, err = s.List(ctx, scim.User, server.Query{Filter: e, After: after, Limit: 2})
			if err != nil || page.Total != 6 {
				t.Fatalf("%+v, %v", page, err)
			}
			for _, r := range page.Resources {
				byAfter, after = append(byAfter, r.ID), r.Seq
			}
		}
		want := []string{"0", "1", "2", "4", "5", "6"}
		if !slices.Equal(bySkip, want) || !slices.Equal(byAfter, want) {
			t.Errorf("%v, %v", bySkip, byAfter)
		}
	}
}
