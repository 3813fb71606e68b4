package idp

import (
	"net/http"
	"strings"
	"sync/atomic"

	"simscim/scim"
)

// Requests says how many requests of each sort have arrived at the SCIM service since
// it was made or last reset, those included that it refused or that a fault spoilt.
type Requests struct {
	Creates, Patches, Puts, Deletes int64
	// Bulks are bulk requests, however many operations they hold.
	Bulks int64
	// Reads are GETs of one resource, Lists of many without a filter, Filters of many
	// with one and searches, Discovery of the documents about the service.
	Reads, Lists, Filters, Discovery int64
	Other                            int64
}

// Writes is how many requests could have changed something.
func (r Requests) Writes() int64 { return r.Creates + r.Patches + r.Puts + r.Deletes + r.Bulks }

// Total is how many requests there were at all.
func (r Requests) Total() int64 {
	return r.Writes() + r.Reads + r.Lists + r.Filters + r.Discovery + r.Other
}

type counters struct {
	creates, patches, puts, deletes, bulks, reads, lists, filters, discovery, other atomic.Int64
}

// Requests returns the counts until now.
func (p *IDP) Requests() Requests {
	c := &p.counts
	return Requests{
		Creates: c.creates.Load(), Patches: c.patches.Load(), Puts: c.puts.Load(), Deletes: c.deletes.Load(), Bulks: c.bulks.Load(),
		Reads: c.reads.Load(), Lists: c.lists.Load(), Filters: c.filters.Load(), Discovery: c.discovery.Load(),
		Other: c.other.Load(),
	}
}

// ResetRequests sets the counts to zero.
func (p *IDP) ResetRequests() {
	c := &p.counts
	for _, n := range []*atomic.Int64{&c.creates, &c.patches, &c.puts, &c.deletes, &c.bulks, &c.reads, &c.lists, &c.filters, &c.discovery, &c.other} {
		n.Store(0)
	}
}

func (c *counters) count(r *http.Request, path string) {
	c.sort(r, path).Add(1)
}

func (c *counters) sort(r *http.Request, path string) *atomic.Int64 {
	switch {
	case strings.HasSuffix(path, "/.search"):
		return &c.filters
	case path == "/Bulk":
		return &c.bulks
	case strings.HasPrefix(path, "/ServiceProviderConfig"), strings.HasPrefix(path, "/Schemas"), strings.HasPrefix(path, "/ResourceTypes"):
		return &c.discovery
	}
	switch r.Method {
	case http.MethodPost:
		return &c.creates
	case http.MethodPatch:
		return &c.patches
	case http.MethodPut:
		return &c.puts
	case http.MethodDelete:
		return &c.deletes
	case http.MethodGet:
	default:
		return &c.other
	}
	switch {
	case path != scim.User.Endpoint() && path != scim.Group.Endpoint():
		return &c.reads
	case r.URL.Query().Has("filter"):
		return &c.filters
	default:
		return &c.lists
	}
}

func isWrite(r *http.Request, path string) bool {
	return r.Method != http.MethodGet && r.Method != http.MethodHead && !strings.HasSuffix(path, "/.search")
}
