// Package console is what simscim shows of itself over HTTP: whether it lives, whether
// it is ready, its metrics, and a page of how each site stands.
//
// It owns the routes and how they look. It reads and never changes anything: GET and
// HEAD are all it answers. It knows no store and no scheduler: what it shows comes
// through functions and the Status interface.
//
// Invariants: no personal data on any page; no script, and no asset from elsewhere;
// an answer is never kept by a cache.
package console
