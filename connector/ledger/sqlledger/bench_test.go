package sqlledger

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/scim"
)

// school is a made-up large first sync: 10,000 users, 1,000 groups of 30.
type school struct {
	users, groups []plan.Known
	members       [][]string
}

func newSchool() school {
	var s school
	paths := []scim.Path{"active", "displayName", "emails[type eq \"work\"].value", "externalId", "name.familyName", "userName"}
	prints := func(seed int, n int) plan.Prints {
		var p plan.Prints
		for i, path := range paths[:n] {
			p = append(p, plan.Print{Path: path, Sum: uint64(seed)*2654435761 + uint64(i)})
		}
		return p
	}
	for i := range 10_000 {
		key := fmt.Sprintf("%08x-7a1c-4e0b-9d2f-%012x", uint32(i)*2654435761, i)
		s.users = append(s.users, plan.Known{
			Kind: scim.User, Key: key, RemoteID: fmt.Sprintf("%08x-aaaa-4e0b-9d2f-%012x", uint32(i)*40503, i), SourceID: key,
			Home: "site", Status: plan.Active, Name: fmt.Sprintf("u%05d@oakfield.sch.uk", i*7919%10_000), Prints: prints(i, 6),
		})
	}
	// A plan goes by key.
	slices.SortFunc(s.users, func(a, b plan.Known) int { return strings.Compare(a.Key, b.Key) })
	for i := range 1000 {
		s.groups = append(s.groups, plan.Known{
			Kind: scim.Group, Key: fmt.Sprintf("0b7e2d6c-7a1c-4e0b-9d2f-0123456789ab:class:%08x", uint32(i)*2654435761),
			RemoteID: fmt.Sprint(i), Home: "site", Status: plan.Active, Prints: prints(i, 2),
		})
		var m []string
		for j := range 30 {
			m = append(m, s.users[(i*10+j*331)%len(s.users)].Key)
		}
		s.members = append(s.members, m)
	}
	slices.SortFunc(s.groups, func(a, b plan.Known) int { return strings.Compare(a.Key, b.Key) })
	return s
}

func (s school) names() map[string]string {
	names := map[string]string{}
	for _, u := range s.users {
		names[u.Key] = u.Name
	}
	return names
}

func (s school) record(ctx context.Context, l ledger.Ledger) error {
	for chunk := range slices.Chunk(s.users, 16) {
		err := l.Update(ctx, func(tx ledger.Tx) error {
			for _, u := range chunk {
				if err := tx.PutObject("directory", "site", u); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for i := 0; i < len(s.groups); i += 16 {
		err := l.Update(ctx, func(tx ledger.Tx) error {
			for j := i; j < min(i+16, len(s.groups)); j++ {
				if err := tx.PutObject("directory", "site", s.groups[j]); err != nil {
					return err
				}
				if err := tx.AddMembers("directory", s.groups[j].Key, s.members[j]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func openBench(b *testing.B) *Ledger {
	l, err := Open(b.Context(), "file:"+filepath.Join(b.TempDir(), "bench.db"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	return l
}

// BenchmarkRecord is what a first sync of 10,000 users, 1,000 groups and 30,000
// memberships costs in the ledger, 16 objects a transaction. The names were issued
// before, when the plan was made.
func BenchmarkRecord(b *testing.B) {
	s := newSchool()
	b.ReportAllocs()
	for range b.N {
		b.StopTimer()
		l := openBench(b)
		if _, err := l.ReserveNames(b.Context(), "directory", s.names(), l.now()); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if err := s.record(b.Context(), l); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLoad is what reading that site costs at the start of a run.
func BenchmarkLoad(b *testing.B) {
	l := openBench(b)
	defer l.Close()
	if err := newSchool().record(b.Context(), l); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		state, err := l.Load(b.Context(), "directory", "site")
		if err != nil || len(state.Users) != 10_000 || len(state.Groups) != 1000 {
			b.Fatal(err)
		}
	}
}

// BenchmarkReserve is what issuing 10,000 names costs.
func BenchmarkReserve(b *testing.B) {
	s := newSchool()
	names := s.names()
	for range b.N {
		b.StopTimer()
		l := openBench(b)
		b.StartTimer()
		if lost, err := l.ReserveNames(b.Context(), "directory", names, l.now()); err != nil || len(lost) > 0 {
			b.Fatal(err, len(lost))
		}
		b.StopTimer()
		l.Close()
	}
}
