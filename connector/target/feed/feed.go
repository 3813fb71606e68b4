// Package feed is the target that is read instead of written to: a SCIM 2.0 service
// provider of our own, from which Okta and others import. Apply writes users and groups
// into a store; Handler serves them. It makes no request to anybody.
//
// The store is one SQLite file. In clear it holds random ids, kinds, times, versions, who
// is in which group by number, and nothing else: the content of a resource is sealed under
// the feed's key, and user names, external ids and display names are looked up by keyed
// hashes.
//
// Invariants: what Apply has confirmed is on the disc. The order of a list is that of
// creation and never changes, and a reader who goes through it page by page while it
// changes misses nobody who stays. A user name is held once. Nothing is written by those
// who read, unless the feed is made writable.
package feed

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"simscim/connector/target"
	"simscim/internal/secret"
	"simscim/scim"
)

// Options say which feed it is and how it behaves.
type Options struct {
	// Name is the target's name. A file keeps to the name that it was made with.
	Name string
	// Path is the file of the store. It is made if there is none.
	Path string
	// Key is the secret under which the content is sealed: 32 bytes in base64 or hex. A
	// file keeps to the key that it was made with; under another it is not opened.
	Key secret.Value

	// Tokens are those by which the feed is read, any of them; each reader should have
	// one of its own. They are needed to serve, not to write.
	Tokens []secret.Value
	// BasePath is where the feed is served, such as "/feeds/okta".
	BasePath string
	// BaseURL is what stands before /Users in locations; empty follows the request.
	BaseURL string
	// Writable lets those who have a token write too.
	Writable bool
	// Proxies are the networks of proxies before the feed. Failed sign-ins are counted by
	// the address that a request comes from; of a request from one of these, by what they
	// say in X-Forwarded-For. The Forwarded header (RFC 7239) is not read.
	Proxies []netip.Prefix
	// Report is told of failures that a reader sees as a bare 500. It may be nil.
	Report func(error)

	// Now is the clock and NewID makes ids; nil is time.Now and random UUIDs.
	Now   func() time.Time
	NewID func() string
}

// Feed is a feed's store, as a target and as a service.
type Feed struct {
	options Options
	keys    *keys
	// All writing goes through one connection.
	writeDB, readDB *sql.DB
	walks           walks
	scans           chan struct{}
	transactions    atomic.Int64
}

var _ target.Target = (*Feed)(nil)

// Open opens the store, and makes it if there is none.
func Open(ctx context.Context, o Options) (_ *Feed, err error) {
	if o.Name == "" || o.Path == "" {
		return nil, errors.New("a feed needs a name and a file")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = uuid.NewString
	}
	o.BasePath = strings.TrimRight(o.BasePath, "/")
	f := &Feed{options: o, scans: make(chan struct{}, maxScans)}
	if f.keys, err = newKeys(o.Name, o.Key); err != nil {
		return nil, fmt.Errorf("feed %s: %w", o.Name, err)
	}
	if err := f.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("feed %s: %w", o.Name, err), f.Close())
	}
	return f, nil
}

// Close closes the store. Requests under way fail.
func (f *Feed) Close() error {
	var errs []error
	for _, db := range []*sql.DB{f.readDB, f.writeDB} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close feed %s: %w", f.options.Name, err)
	}
	return nil
}

// lookups are the attributes that are found by their hash, or by the id itself.
func lookups(kind scim.Kind) []scim.Path {
	if kind == scim.User {
		return []scim.Path{"externalId", "userName", "displayName", "id"}
	}
	return []scim.Path{"externalId", "displayName", "id"}
}

// Capabilities tells what the feed can hold and do.
func (f *Feed) Capabilities(context.Context) (target.Capabilities, error) {
	notes := []string{
		"The other side imports when it will: a run that is done here is not yet done there.",
		"Whoever is suspended stays in the feed with active false; whoever is deleted is left out.",
	}
	if f.options.BaseURL != "" {
		notes = append(notes, "While simscim run is up, the feed is at "+f.options.BaseURL+"; that is the base URL to enter on the other side.")
	}
	return target.Capabilities{
		Summary: "SCIM 2.0 feed, served to those who import from it",
		Users:   true, Groups: true,
		FilterUsers: lookups(scim.User), FilterGroups: lookups(scim.Group),
		MembersReadable: true, PageSize: chunk,
		Suspend: true, Delete: true, DeleteGroups: true, RenameGroups: true,
		Mixed: true, Bulk: batch,
		// Without these Okta leaves a user out of an import.
		RequiredUser:  []scim.Path{"userName", "name.givenName", "name.familyName", "emails", "active"},
		RequiredGroup: []scim.Path{"displayName"},
		Notes:         notes,
	}, nil
}

// Requests counts the transactions that have written something: they stand for requests.
func (f *Feed) Requests() int64 { return f.transactions.Load() }
