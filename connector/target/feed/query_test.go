package feed

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"simscim/internal/secret"
	"simscim/scim"
	"simscim/scim/filter"
	"simscim/scim/server"
)

// words are few, so that they meet often, and odd.
var words = []string{"ann", "ANN", "Ångström", "ångström", "o'neil", `q"uote\`, "2026-09-01", "true", "王"}

func randomUser(t *rapid.T, n int) map[string]any {
	u := map[string]any{"userName": fmt.Sprintf("%s%d", rapid.SampledFrom(words).Draw(t, "user name"), n), "active": rapid.Bool().Draw(t, "active")}
	for _, name := range []string{"externalId", "displayName", "title"} {
		if rapid.Bool().Draw(t, "has "+name) {
			u[name] = rapid.SampledFrom(words).Draw(t, name)
		}
	}
	return u
}

func randomCompare(t *rapid.T) filter.Expr {
	attr := rapid.SampledFrom([]filter.Attr{
		{Name: "userName"},
		{Name: "externalId"},
		{Name: "displayName"},
		{Name: "title"},
		{Name: "active"},
		{Name: "id"},
		{Name: "meta", Sub: "lastModified"},
		{Name: "META", Sub: "created"},
	}).Draw(t, "attribute")
	op := rapid.SampledFrom([]filter.Op{
		filter.Equal, filter.NotEqual, filter.Contains, filter.StartsWith, filter.EndsWith, filter.Present,
		filter.Greater, filter.GreaterOrEqual, filter.Less, filter.LessOrEqual,
	}).Draw(t, "operator")
	value := rapid.SampledFrom(append([]string{"", "ann0", "ÅNGSTRÖM1", "id-1"}, words...)).Draw(t, "value")
	if attr.Is("meta.lastModified") || attr.Is("meta.created") {
		value = rapid.SampledFrom([]string{
			"2026-09-01T00:00:02Z", "2026-09-01T00:00:02.0000000Z", "2026-09-01T00:00:02.0000001Z", "2026-09-01T01:00:03.9999999+01:00", "0001-01-03T00:00:00Z", "x",
		}).Draw(t, "time")
	}
	c := &filter.Compare{Attr: attr, Op: op, Value: value}
	if op == filter.Present {
		c.Value = nil
	}
	return c
}

func randomFilter(t *rapid.T, depth int) filter.Expr {
	switch kind := rapid.IntRange(0, 5).Draw(t, "kind"); {
	case depth == 0 || kind < 3:
		return randomCompare(t)
	case kind == 3:
		return &filter.Not{X: randomFilter(t, depth-1)}
	default:
		return &filter.Logical{Or: kind == 4, Terms: []filter.Expr{randomFilter(t, depth-1), randomFilter(t, depth-1)}}
	}
}

// Whatever is asked, the database and the hashes answer what a look at everybody does.
func TestListAnswersAsALookAtEverybody(t *testing.T) {
	t.Parallel()
	f, err := Open(t.Context(), Options{Name: "test", Path: filepath.Join(t.TempDir(), "feed.db"), Key: secret.New(strings.Repeat("0f", 32))})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := provider{f}
	rapid.Check(t, func(t *rapid.T) {
		var all []server.Resource
		err := f.write(t.Context(), func(s *session) error {
			if _, err := s.tx.Exec("DELETE FROM resource"); err != nil {
				return err
			}
			for n := range rapid.IntRange(0, 6).Draw(t, "users") {
				at := time.Date(2026, 9, 1, 0, 0, n, 0, time.UTC)
				r := server.Resource{ID: fmt.Sprintf("id-%d", n), Attributes: randomUser(t, n), Created: at, Modified: at.Add(time.Second)}
				if err := s.insert(t.Context(), scim.User, &r); err != nil {
					return err
				}
				all = append(all, r)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			q := server.Query{Limit: rapid.IntRange(0, 4).Draw(t, "limit"), Descending: rapid.Bool().Draw(t, "descending")}
			if rapid.IntRange(0, 3).Draw(t, "filtered") > 0 {
				q.Filter = randomFilter(t, 2)
			}
			q.SortBy = rapid.SampledFrom([]filter.Attr{{}, {}, {Name: "displayName"}, {Name: "meta", Sub: "lastModified"}, {Name: "id"}}).Draw(t, "sort")
			if len(all) > 0 && q.SortBy.Name == "" && rapid.Bool().Draw(t, "by cursor") {
				q.After = all[rapid.IntRange(0, len(all)-1).Draw(t, "after")].Seq
			} else {
				q.Skip = rapid.IntRange(0, 7).Draw(t, "skip")
			}
			got, err := p.List(t.Context(), scim.User, q)
			if err != nil {
				t.Fatal(err)
			}
			want := server.Select(scim.User, slices.Values(all), q)
			if diff := cmp.Diff(ids(want), ids(got)); diff != "" || got.Total != want.Total {
				t.Fatalf("%v, sorted by %s: %d for %d\n%s", q.Filter, q.SortBy, got.Total, want.Total, diff)
			}
		}
	})
}

func ids(p server.Page) (out []string) {
	for _, r := range p.Resources {
		out = append(out, r.ID)
	}
	return out
}

// Places and counts stay right over blocks that are full, thinned out and gone.
func TestBlocks(t *testing.T) {
	t.Parallel()
	f, err := Open(t.Context(), Options{Name: "test", Path: filepath.Join(t.TempDir(), "feed.db"), Key: secret.New(strings.Repeat("0f", 32))})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const n = 3500
	err = f.write(t.Context(), func(s *session) error {
		for i := range n {
			kind := scim.User
			if i%5 == 0 {
				kind = scim.Group
			}
			if err := s.insert(t.Context(), kind, &server.Resource{ID: fmt.Sprintf("id-%d", i), Attributes: map[string]any{}}); err != nil {
				return err
			}
		}
		_, err := s.tx.Exec("DELETE FROM resource WHERE seq BETWEEN 900 AND 2200 OR seq % 7 = 0")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var seqs []int64
	for seq := int64(1); seq <= n; seq++ {
		if (seq-1)%5 != 0 && (seq < 900 || seq > 2200) && seq%7 != 0 {
			seqs = append(seqs, seq)
		}
	}
	for skip := 0; skip < len(seqs)+100; skip += 37 {
		page, err := provider{f}.List(t.Context(), scim.User, server.Query{Skip: skip, Limit: 3})
		if err != nil || page.Total != len(seqs) {
			t.Fatalf("%d in all, want %d: %v", page.Total, len(seqs), err)
		}
		want := seqs[min(skip, len(seqs)):min(skip+3, len(seqs))]
		for i, r := range page.Resources {
			if len(page.Resources) != len(want) || r.Seq != want[i] {
				t.Fatalf("behind %d: %d at %d, want %v", skip, r.Seq, i, want)
			}
		}
		if len(want) == 0 && len(page.Resources) > 0 {
			t.Fatalf("behind %d there are %d", skip, len(page.Resources))
		}
	}
	err = f.read(t.Context(), func(s *session) error {
		for i, seq := range seqs {
			if got, err := s.rank(t.Context(), scim.User, seq); err != nil || got != int64(i+1) {
				return fmt.Errorf("the rank of %d is %d, want %d: %w", seq, got, i+1, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// What is looked up by hash or id is not looked for among everybody.
func TestLookupsUseTheirIndex(t *testing.T) {
	t.Parallel()
	f, err := Open(t.Context(), Options{Name: "test", Path: filepath.Join(t.TempDir(), "feed.db"), Key: secret.New(strings.Repeat("0f", 32))})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for text, index := range map[string]string{
		`userName eq "x"`: "resource_user_name", `externalId eq "x"`: "resource_external_id", `displayName eq "x"`: "resource_display_name",
		`id eq "x"`: "sqlite_autoindex_resource_1", `externalId eq "x" and title pr`: "resource_external_id",
		`active eq true and userName eq "x"`: "resource_user_name",
	} {
		e, err := filter.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		c := f.keys.clause(scim.User, e)
		query := "EXPLAIN QUERY PLAN SELECT content FROM resource WHERE kind = ? AND " + c.sql + " ORDER BY seq LIMIT 100 OFFSET 0"
		var id, parent, unused int
		var step string
		err = f.readDB.QueryRowContext(t.Context(), query, append([]any{1}, c.args...)...).Scan(&id, &parent, &unused, &step)
		if err != nil || !strings.Contains(step, index+" ") {
			t.Errorf("%s goes by %q: %v", text, step, err)
		}
	}
}
