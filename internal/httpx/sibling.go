package httpx

import (
	"context"
	"errors"
	"net/url"
	"strings"
)

// Sibling makes a client for another address that keeps to the same limits as c: calls
// of both count together, one 429 slows both, and Requests counts both. It is for a
// service that is spread over several hosts but gives its callers one budget.
func (c *Client) Sibling(baseURL string, authorize func(ctx context.Context, stale string) (string, error)) (*Client, error) {
	base, err := url.Parse(baseURL)
	if err != nil || base.Host == "" || (base.Scheme != "https" && base.Scheme != "http") {
		return nil, errors.New("the base URL is not an http or https address")
	}
	s := &Client{resty: c.resty, gate: c.gate, opts: c.opts, baseURL: strings.TrimRight(baseURL, "/")}
	s.opts.Authorize, s.opts.Sign = authorize, nil
	return s, nil
}
