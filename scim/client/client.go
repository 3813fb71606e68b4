// Package client speaks SCIM 2.0 (RFC 7644, RFC 9865) to a server over internal/httpx.
// It knows the protocol and the ways in which servers bend it; what to create, change
// or retry is decided above.
//
// Invariants: every URL is made of the base URL, an endpoint and an escaped id, never
// of an address that a server sent; a list that was cut short ends in ErrNotWhole and
// never just ends; nothing that a server wrote gets into an error's text.
package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"simscim/internal/httpx"
	"simscim/scim"
)

// Options are the manners that a server insists on. Zero values are those of the RFC.
type Options struct {
	// Accept and ContentType default to application/scim+json.
	Accept, ContentType string
	// LowerEndpoints writes the names of endpoints in lower case: /users.
	LowerEndpoints bool
	// Now is the clock, for Retry-After as a date; nil is time.Now.
	Now func() time.Time
}

// Client calls one SCIM server. It is safe for concurrent use.
type Client struct {
	http    *httpx.Client
	opts    Options
	maxRows int
}

// maxRows ends a list that would never end. Ten times the pupils of the largest trust
// would still fit.
const maxRows = 2_000_000

// New makes a client on h, whose base URL is the one below which /Users stands.
func New(h *httpx.Client, o Options) *Client {
	o.Accept = cmp.Or(o.Accept, scim.MediaType)
	o.ContentType = cmp.Or(o.ContentType, scim.MediaType)
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Client{http: h, opts: o, maxRows: maxRows}
}

// With returns a client with other manners on the same connections.
func (c *Client) With(o Options) *Client { return New(c.http, o) }

// Requests counts the HTTP requests sent so far, retries included.
func (c *Client) Requests() int64 { return c.http.Requests() }

// Resource is a resource as the server returned it; read it with scim.Lookup.
type Resource map[string]any

// ID is the server's id of the resource, or "".
func (r Resource) ID() string { return r.text("id") }

// Version is meta.version, the entity tag for If-Match, or "" (RFC 7644 §3.14).
func (r Resource) Version() string { return r.text("meta.version") }

func (r Resource) text(path scim.Path) string {
	v, _ := scim.Lookup(r, path)
	s, _ := v.(string)
	return s
}

// Get reads one resource. excluded are attributes that need not be sent.
func (c *Client) Get(ctx context.Context, kind scim.Kind, id string, excluded ...string) (Resource, error) {
	path, err := resourcePath(kind, id)
	if err != nil {
		return nil, err
	}
	resp, err := c.do(ctx, httpx.Request{
		Method: http.MethodGet, Path: path + parameters{Excluded: excluded}.query(), Route: kind.Endpoint() + "/{id}",
	})
	if err != nil {
		return nil, err
	}
	res, err := decodeResource(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("read a %s: %w", kind, err)
	}
	if got := res.ID(); got != id {
		return nil, fmt.Errorf("read a %s: the answer has another id than was asked for", kind)
	}
	if tag := resp.Header.Get("ETag"); tag != "" && res.Version() == "" {
		res["meta"] = map[string]any{"version": tag}
	}
	return res, nil
}

// Written is what is known of a resource after a write.
type Written struct {
	// ID is empty where the server did not say it.
	ID string
}

// Create posts a new resource. A nil error means that the server has made it, even
// where the answer cannot be read; ID is then empty and must be looked up. It is never
// repeated after an ambiguous failure: see httpx.IsAmbiguous.
func (c *Client) Create(ctx context.Context, kind scim.Kind, body []byte) (Written, error) {
	resp, err := c.do(ctx, httpx.Request{
		Method: http.MethodPost, Path: kind.Endpoint(), Route: kind.Endpoint(),
		Body: body, ContentType: c.opts.ContentType,
	})
	if err != nil {
		return Written{}, err
	}
	id := decodeID(resp.Body)
	if id == "" {
		id = idFromLocation(kind, resp.Header.Get("Location"))
	}
	return Written{ID: id}, nil
}

// Patch sends a PatchOp message (RFC 7644 §3.5.2). version is sent as If-Match where it
// is not empty. The message must come to the same when it is applied twice: it is
// repeated after an ambiguous failure.
func (c *Client) Patch(ctx context.Context, kind scim.Kind, id string, body []byte, version string) error {
	return c.write(ctx, http.MethodPatch, kind, id, body, version)
}

// Put replaces a resource (RFC 7644 §3.5.1).
func (c *Client) Put(ctx context.Context, kind scim.Kind, id string, body []byte, version string) error {
	return c.write(ctx, http.MethodPut, kind, id, body, version)
}

func (c *Client) write(ctx context.Context, method string, kind scim.Kind, id string, body []byte, version string) error {
	path, err := resourcePath(kind, id)
	if err != nil {
		return err
	}
	r := httpx.Request{
		Method: method, Path: path, Route: kind.Endpoint() + "/{id}",
		Body: body, ContentType: c.opts.ContentType, Idempotent: true,
	}
	if version != "" {
		r.Header = map[string]string{"If-Match": version}
	}
	_, err = c.do(ctx, r)
	return err
}

// Delete removes a resource. That it is not there any more is an error that
// scim.IsNotFound recognises.
func (c *Client) Delete(ctx context.Context, kind scim.Kind, id string) error {
	return c.DeleteVersion(ctx, kind, id, "")
}

// DeleteVersion is Delete with the version sent as If-Match where it is not empty.
func (c *Client) DeleteVersion(ctx context.Context, kind scim.Kind, id, version string) error {
	return c.write(ctx, http.MethodDelete, kind, id, nil, version)
}

// do sends the request and turns every answer but a success into a *scim.Error.
func (c *Client) do(ctx context.Context, r httpx.Request) (*httpx.Response, error) {
	r.Accept = c.opts.Accept
	if c.opts.LowerEndpoints {
		r.Path = lowerEndpoint(r.Path)
	}
	resp, err := c.http.Do(ctx, r)
	if err != nil {
		return nil, err
	}
	if !succeeded(resp.Status) || resp.Status == http.StatusOK && isWebPage(resp.Body) {
		// A web page is the sign-in page of a proxy, most likely.
		return nil, c.decodeError(resp)
	}
	return resp, nil
}

// lowerEndpoint writes the first step of a path in lower case. What follows may be an id.
func lowerEndpoint(path string) string {
	end := 1 + strings.IndexAny(path[1:], "/?")
	if end == 0 {
		end = len(path)
	}
	return strings.ToLower(path[:end]) + path[end:]
}

// succeeded does not hold of 202, which says that it may be done later and proves
// nothing (RFC 9110 §15.3.3).
func succeeded(status int) bool {
	return status >= 200 && status <= 299 && status != http.StatusAccepted
}

var errNoID = errors.New("the id of a resource is empty or not usable in a URL")

// resourcePath makes the path of one resource. An id of only dots would be taken for a
// step up the path, whatever its escaping.
func resourcePath(kind scim.Kind, id string) (string, error) {
	if strings.Trim(id, ".") == "" {
		return "", errNoID
	}
	return kind.Endpoint() + "/" + url.PathEscape(id), nil
}

// idFromLocation takes the id off the end of a Location, which may be relative or name
// a host that cannot be reached from here: only its last step is believed.
func idFromLocation(kind scim.Kind, location string) string {
	u, err := url.Parse(location)
	if err != nil {
		return ""
	}
	steps := strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")
	if len(steps) < 2 || !strings.EqualFold("/"+steps[len(steps)-2], kind.Endpoint()) {
		return ""
	}
	id, err := url.PathUnescape(steps[len(steps)-1])
	if err != nil {
		return ""
	}
	return id
}
