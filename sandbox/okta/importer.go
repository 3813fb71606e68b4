package okta

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"simscim/scim"
)

// ImporterOptions describe the app that imports. The zero ones are Okta's own defaults.
type ImporterOptions struct {
	// Client makes the requests, one of its own if nil.
	Client *http.Client
	// Timeout is how long the feed may take for one answer, 60 seconds if zero.
	Timeout time.Duration
	// Safeguard is how many percent of the assigned users one import may unassign, 20 if
	// zero. It is in force where more than SafeguardFrom are assigned, 100 if zero.
	Safeguard, SafeguardFrom int
	// Users are the user names that the organisation has already.
	Users []string
	// Now is the clock by which Spec measures. Without one everything takes no time.
	Now func() time.Time
	// Sleep waits after a 429, in real time if nil.
	Sleep func(context.Context, time.Duration) error
}

// Importer is an app of Okta's that imports from a SCIM server and is the profile source
// of its users. It keeps what the imports have brought. It is safe for concurrent use.
type Importer struct {
	options ImporterOptions

	mu sync.Mutex
	// users and groups are by the feed's ids.
	users  map[string]account
	groups map[string]Group
	// paused is set by the safeguard, resumed by an administrator.
	paused, resumed bool
}

// account is a user with the fingerprint of all that the feed says.
type account struct {
	User
	print [sha256.Size]byte
}

// Result is what one import did.
type Result struct {
	// Created users are new to the organisation, Matched ones were in it.
	Created, Matched, Updated, Unchanged int
	// Deactivated users are there and not active any more, Reactivated the reverse, and
	// Removed ones not there any more.
	Deactivated, Reactivated, Removed int
	Groups, GroupsRemoved             int
	// Memberships have users whom the feed has; Ignored ones have not.
	Memberships, Ignored int
	// Requests is how many requests it took.
	Requests int
}

// SafeguardError stops an import that would unassign too many users. Nothing has
// changed, and nothing will until Resume.
type SafeguardError struct{ Unassigned, Assigned int }

func (e *SafeguardError) Error() string {
	return fmt.Sprintf("the import would unassign %d of %d users", e.Unassigned, e.Assigned)
}

var errPaused = errors.New("imports are paused by the safeguard")

// NewImporter makes an app that has imported nothing so far.
func NewImporter(o ImporterOptions) *Importer {
	if o.Client == nil {
		o.Client = &http.Client{}
	}
	if o.Now == nil {
		o.Now = func() time.Time { return time.Time{} }
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	o.Timeout = cmp.Or(o.Timeout, time.Minute)
	o.Safeguard = cmp.Or(o.Safeguard, 20)
	o.SafeguardFrom = cmp.Or(o.SafeguardFrom, 100)
	o.Users = slices.Clone(o.Users)
	return &Importer{options: o, users: map[string]account{}, groups: map[string]Group{}}
}

// Import reads the whole feed at baseURL with a bearer token and takes over what it
// says. What is wrong with the feed is an error, and then nothing changes.
func (i *Importer) Import(ctx context.Context, baseURL, token string) (Result, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.paused {
		return Result{}, errPaused
	}
	f, err := newFeed(&i.options, baseURL, token)
	if err != nil {
		return Result{}, err
	}
	users, err := f.users(ctx)
	if err != nil {
		return Result{Requests: f.requests}, fmt.Errorf("import users: %w", err)
	}
	groups, err := f.groups(ctx)
	if err != nil {
		return Result{Requests: f.requests}, fmt.Errorf("import groups: %w", err)
	}
	if err := i.guard(users); err != nil {
		return Result{Requests: f.requests}, err
	}
	result := Result{Requests: f.requests}
	i.takeUsers(users, &result)
	i.takeGroups(groups, &result)
	return result, nil
}

// guard is the import safeguard. Users who are deactivated count as unassigned.
func (i *Importer) guard(users []account) error {
	active := map[string]bool{}
	for _, u := range users {
		active[u.ExternalID] = u.Status == Active
	}
	assigned, lost := 0, 0
	for id, u := range i.users {
		if u.Status == Active {
			assigned++
			if !active[id] {
				lost++
			}
		}
	}
	if assigned > i.options.SafeguardFrom && lost*100 > assigned*i.options.Safeguard && !i.resumed {
		i.paused = true
		return &SafeguardError{Unassigned: lost, Assigned: assigned}
	}
	i.resumed = false
	return nil
}

// Resume is what an administrator does after the safeguard has stopped an import: the
// next one may unassign as many as it will.
func (i *Importer) Resume() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.resumed, i.paused = i.paused, false
}

func (i *Importer) takeUsers(users []account, result *Result) {
	known := map[string]bool{}
	for _, name := range i.options.Users {
		known[scim.Fold(name)] = true
	}
	next := map[string]account{}
	for _, u := range users {
		old, there := i.users[u.ExternalID]
		switch {
		case !there && known[scim.Fold(u.Profile["userName"])]:
			result.Matched++
		case !there:
			result.Created++
		case old.Status == Active && u.Status != Active:
			result.Deactivated++
		case old.Status != Active && u.Status == Active:
			result.Reactivated++
		case old.print != u.print:
			result.Updated++
		default:
			result.Unchanged++
		}
		next[u.ExternalID] = u
	}
	for id := range i.users {
		if _, stays := next[id]; !stays {
			result.Removed++
		}
	}
	i.users = next
}

// takeGroups comes after takeUsers, as members must be users.
func (i *Importer) takeGroups(groups []Group, result *Result) {
	next := map[string]Group{}
	for _, g := range groups {
		all := len(g.Members)
		g.Members = slices.DeleteFunc(g.Members, func(id string) bool { _, ok := i.users[id]; return !ok })
		result.Memberships += len(g.Members)
		result.Ignored += all - len(g.Members)
		next[g.ExternalID] = g
	}
	for id := range i.groups {
		if _, stays := next[id]; !stays {
			result.GroupsRemoved++
		}
	}
	result.Groups, i.groups = len(next), next
}

// Snapshot is what the imports have brought. External ids are the feed's own ids.
func (i *Importer) Snapshot() Snapshot {
	i.mu.Lock()
	defer i.mu.Unlock()
	var out Snapshot
	for _, a := range inOrder(i.users) {
		out.Users = append(out.Users, a.User)
	}
	for _, g := range inOrder(i.groups) {
		g.Members = slices.Clone(g.Members)
		out.Groups = append(out.Groups, g)
	}
	return out
}

// idOf is Okta's own id of what the feed calls otherwise.
func idOf(prefix, id string) string {
	sum := sha256.Sum256([]byte(id))
	return prefix + hex.EncodeToString(sum[:])[:17]
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// newFeed is for one import from a base URL, which must not hold an underscore.
func newFeed(o *ImporterOptions, baseURL, token string) (*feed, error) {
	if strings.Contains(baseURL, "_") {
		return nil, errors.New("the base URL must not contain an underscore")
	}
	return &feed{options: o, base: strings.TrimRight(baseURL, "/"), token: token}, nil
}
