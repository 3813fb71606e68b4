package notice

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"go.uber.org/zap"

	"simscim/config"
	"simscim/internal/httpx"
)

// webhook posts notices as JSON of some shape.
type webhook struct {
	client *httpx.Client
	path   string
	query  url.Values
	shape  func(Notice) any
}

// newWebhook reads the secrets and makes the client. The address is the secret, so no
// error repeats any of it.
func newWebhook(n *config.Notice, log *zap.Logger, p patience) (*webhook, error) {
	address, err := n.URL.Resolve()
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	u, err := url.Parse(address.Reveal())
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || httpx.Unprotected(address.Reveal())) {
		return nil, errors.New("url: what the reference leads to is not an https address")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil || u.User != nil {
		return nil, errors.New("url: what the reference leads to is an address with a user name or a query that cannot be read")
	}
	o := httpx.Options{
		BaseURL: u.Scheme + "://" + u.Host, InFlight: 1, Timeout: cmp.Or(p.timeout, 10*time.Second),
		Retries: 2, MinWait: cmp.Or(p.pause, 500*time.Millisecond), MaxWait: cmp.Or(p.longest, 10*time.Second),
		MaxBody: 1 << 20, CAFile: n.CAFile, Log: log,
	}
	if !n.Token.IsZero() {
		token, err := n.Token.Resolve()
		if err != nil {
			return nil, fmt.Errorf("token: %w", err)
		}
		o.Authorize = func(context.Context, string) (string, error) { return "Bearer " + token.Reveal(), nil }
	}
	client, err := httpx.New(o)
	if err != nil {
		return nil, err
	}
	shapes := map[string]func(Notice) any{"webhook": plainShape, "teams": teamsShape, "slack": slackShape}
	return &webhook{client: client, path: u.EscapedPath(), query: query, shape: shapes[n.Type]}, nil
}

// Send posts the notice. To post it twice does less harm than not at all, so it is
// repeated whatever went wrong.
func (w *webhook) Send(ctx context.Context, n Notice) error {
	body, err := encode(w.shape(n))
	if err != nil {
		return fmt.Errorf("write the notice: %w", err)
	}
	resp, err := w.client.Do(ctx, httpx.Request{
		Method: http.MethodPost, Path: w.path, Query: w.query, Body: body, Route: "notice", Idempotent: true,
	})
	switch {
	case err != nil:
		return fmt.Errorf("deliver the notice: %w", err)
	case resp.Status >= 300 && resp.Status < 400:
		return fmt.Errorf("deliver the notice: the answer is a redirect (%d), which is not followed; give the address that it leads to", resp.Status)
	case resp.Status < 200 || resp.Status > 299:
		return fmt.Errorf("deliver the notice: the answer was %d", resp.Status)
	}
	return nil
}
