// Package console is what simscim shows of itself over HTTP: whether it lives, whether
// it is ready, its metrics, and a page of how each site stands. Beside that it listens for the SCIM
// feeds, at an address of their own.
//
// It owns the routes and how they look. It reads and never changes anything: GET and
// HEAD are all it answers. It knows no store and no scheduler: what it shows comes
// through functions and the Status interface.
//
// Invariants: no personal data on any page; no script, and no asset from elsewhere;
// an answer is never kept by a cache; no address serves both the pages and a feed.
package console
