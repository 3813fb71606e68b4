package feed_test

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"simscim/connector/plan"
	"simscim/scim"
)

// walk goes through a list as Okta does, by startIndex, and calls between after each page.
func (s *school) walk(t testing.TB, query string, size int, between func(page int)) []string {
	t.Helper()
	var names []string
	for start := 1; ; start += size {
		a := s.get(t, fmt.Sprintf("/Users?%scount=%d&startIndex=%d", query, size, start))
		if a.status != 200 {
			t.Errorf("page from %d: %d %s", start, a.status, a.raw)
			return names
		}
		names = append(names, a.names()...)
		total, _ := a.doc["totalResults"].(float64)
		if len(a.names()) < size || len(names) >= int(total) {
			if len(names) != int(total) {
				t.Errorf("the walk ends after %d of %v", len(names), total)
			}
			return names
		}
		between(start / size)
	}
}

// Whoever stays is on exactly one page, in the order of creation, whatever happens to
// others while the pages are read.
func TestWalkWhileTheFeedChanges(t *testing.T) {
	t.Parallel()
	for name, query := range map[string]string{
		"everybody":   "",
		"by a time":   "filter=" + url.QueryEscape(`meta.lastModified gt "2000-01-01T00:00:00Z"`) + "&",
		"by content":  "filter=" + url.QueryEscape(`name.givenName sw "Given"`) + "&",
		"by an index": "filter=" + url.QueryEscape(`not (externalId eq "p-0001")`) + "&",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(12) {
				random := rand.New(rand.NewPCG(seed, 1))
				s := serve(t, options(t))
				next := 1 + random.IntN(30)
				s.apply(t, pupils(0, next)...)
				gone := map[int]bool{1: true} // whom a filter leaves out is nobody's business
				first := next
				seen := s.walk(t, query, 1+random.IntN(7), func(int) {
					who := random.IntN(first)
					switch key := fmt.Sprintf("p-%04d", who); random.IntN(3) {
					case 0:
						s.apply(t, pupil(next))
						next++
					case 1:
						if !gone[who] {
							s.apply(t, s.change(plan.DeleteUser, scim.User, key))
							gone[who] = true
						}
					case 2:
						if !gone[who] {
							s.apply(t, s.change(plan.UpdateUser, scim.User, key, plan.Field{Path: "title", After: "Dr"}))
						}
					}
				})
				checkWalk(t, seen, first, gone)
			}
		})
	}
}

// checkWalk checks who was seen: all of the first who are not gone, nobody twice, in order.
func checkWalk(t testing.TB, seen []string, first int, gone map[int]bool) {
	t.Helper()
	last := -1
	for _, name := range seen {
		var n int
		if _, err := fmt.Sscanf(name, "pupil%d", &n); err != nil {
			t.Fatalf("%q is nobody", name)
		}
		if n <= last {
			t.Fatalf("pupil%d comes after pupil%d", n, last)
		}
		last = n
	}
	for n := range first {
		if !gone[n] && !slices.Contains(seen, fmt.Sprintf("pupil%d", n)) {
			t.Fatalf("pupil%d was on no page: %s", n, strings.Join(seen, " "))
		}
	}
}

// The same while a writer is busy on another goroutine all the time.
func TestReadersAndAWriter(t *testing.T) {
	t.Parallel()
	s := serve(t, options(t))
	const stay, come = 300, 200
	s.apply(t, pupils(0, stay)...)
	gone := map[int]bool{}
	for n := 0; n < stay; n += 3 {
		gone[n] = true
	}
	done, begun := make(chan struct{}), make(chan struct{})
	begin := sync.OnceFunc(func() { close(begun) })
	go func() {
		defer close(done)
		<-begun
		for n := range come {
			changes := []plan.Change{pupil(stay + n)}
			if gone[n%stay] && n < stay {
				changes = append(changes, s.change(plan.DeleteUser, scim.User, fmt.Sprintf("p-%04d", n)))
			} else {
				changes = append(changes, s.change(plan.UpdateUser, scim.User, fmt.Sprintf("p-%04d", n), plan.Field{Path: "title", After: fmt.Sprint(n)}))
			}
			s.apply(t, changes...)
		}
	}()
	defer func() {
		begin()
		<-done
	}()
	for busy := true; busy; {
		select {
		case <-done:
			busy = false
		default:
		}
		checkWalk(t, s.walk(t, "", 20, func(int) {
			begin()
			time.Sleep(time.Millisecond)
		}), stay, gone)
	}
}

// Two readers with tokens of their own do not come in each other's way.
func TestTwoReaders(t *testing.T) {
	t.Parallel()
	s := serve(t, options(t))
	s.apply(t, pupils(0, 40)...)
	other := s.get(t, "/Users?count=10&startIndex=1", "Authorization", "Bearer an older token, still good")
	s.apply(t, s.change(plan.DeleteUser, scim.User, "p-0000"))
	if got := s.get(t, "/Users?count=10&startIndex=11").names(); got[0] != "pupil11" {
		t.Errorf("a reader who begins in the middle is shown %v", got)
	}
	if got := s.get(t, "/Users?count=10&startIndex=11", "Authorization", "Bearer an older token, still good").names(); got[0] != "pupil10" {
		t.Errorf("after %v comes %v", other.names(), got)
	}
}
