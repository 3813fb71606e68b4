package auth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"simscim/internal/secret"
)

// ClientCredentials describes an OAuth 2 client (RFC 6749 §4.4).
type ClientCredentials struct {
	TokenURL               string
	ClientID, ClientSecret secret.Ref
	// Scope is a list separated by blanks; empty asks for none.
	Scope string
	// InBody puts id and secret into the form instead of HTTP Basic.
	InBody bool
	// HTTP calls the token service; see NewHTTP. It needs a timeout of its own: the
	// contexts of the calls that want a token do not reach it.
	HTTP *http.Client
}

// NewHTTP makes a client for a token service. caFile is a PEM file of authorities to
// trust instead of the system's, or empty. Redirects are not followed: they would take
// the client's secret to another address.
func NewHTTP(caFile string, timeout time.Duration) (*http.Client, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("read certificate authorities: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read certificate authorities: %s holds no PEM certificate", caFile)
		}
	}
	return &http.Client{
		Timeout:       timeout,
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: conf, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// OAuth2 signs in with access tokens got with client credentials. A token is used
// until shortly before it ends, or until it is refused.
func OAuth2(c ClientCredentials) Authorize {
	s := &tokenSource{conf: c}
	return s.header
}

// tokenSource keeps one oauth2.TokenSource and builds it anew after a refusal: the
// library's own would go on giving out the refused token until it ends.
type tokenSource struct {
	conf ClientCredentials

	mu  sync.Mutex
	src oauth2.TokenSource
}

func (s *tokenSource) header(ctx context.Context, stale string) (string, error) {
	src, err := s.source() //nolint:contextcheck // the source outlives the call, see there
	if err != nil {
		return "", err
	}
	value, err := token(ctx, src)
	if err != nil {
		s.drop(src)
		return "", err
	}
	if stale == "" || value != stale {
		return value, nil
	}
	s.drop(src)
	if src, err = s.source(); err != nil { //nolint:contextcheck // as above
		return "", err
	}
	return token(ctx, src)
}

func (s *tokenSource) source() (oauth2.TokenSource, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.src != nil {
		return s.src, nil
	}
	id, err := resolve("clientID", s.conf.ClientID)
	if err != nil {
		return nil, err
	}
	key, err := resolve("clientSecret", s.conf.ClientSecret)
	if err != nil {
		return nil, err
	}
	cc := clientcredentials.Config{
		ClientID: id, ClientSecret: key, TokenURL: s.conf.TokenURL,
		Scopes: strings.Fields(s.conf.Scope),
		// Every service must take HTTP Basic (RFC 6749 §2.3.1). Guessing the style costs a
		// refused request, and some services lock clients out after a few of those.
		AuthStyle: oauth2.AuthStyleInHeader,
	}
	if s.conf.InBody {
		cc.AuthStyle = oauth2.AuthStyleInParams
	}
	// The source keeps this context for every later fetch, so it must not be a call's.
	s.src = cc.TokenSource(context.WithValue(context.Background(), oauth2.HTTPClient, s.conf.HTTP))
	return s.src, nil
}

// drop forgets the source, unless somebody else has renewed it already.
func (s *tokenSource) drop(src oauth2.TokenSource) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.src == src {
		s.src = nil
	}
}

// token fetches in a goroutine of its own, so that a call whose context ends does not
// wait for the token service; the token is kept for the others all the same.
func token(ctx context.Context, src oauth2.TokenSource) (string, error) {
	type result struct {
		value string
		err   error
	}
	done := make(chan result, 1)
	go func() {
		t, err := src.Token()
		if err != nil {
			done <- result{err: tokenError(err)}
			return
		}
		done <- result{value: t.Type() + " " + t.AccessToken}
	}()
	select {
	case <-ctx.Done():
		return "", fmt.Errorf("wait for a token: %w", ctx.Err())
	case r := <-done:
		return r.value, r.err
	}
}

// tokenError keeps the status and the registered error code. The library's own text
// holds the whole answer, and with some services that repeats the client's secret.
func tokenError(err error) error {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return errors.New("the token service did not give a usable answer")
	}
	status := 0
	if refused.Response != nil {
		status = refused.Response.StatusCode
	}
	return &TokenError{Status: status, Code: knownCode(refused.ErrorCode)}
}

// TokenError is a refusal by the token service.
type TokenError struct {
	Status int
	// Code is one of RFC 6749 §5.2, or empty.
	Code string
}

func (e *TokenError) Error() string {
	if e.Code != "" {
		return fmt.Sprintf("the token service answered %d (%s)", e.Status, e.Code)
	}
	return fmt.Sprintf("the token service answered %d", e.Status)
}

func knownCode(code string) string {
	switch code {
	case "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client",
		"unsupported_grant_type", "invalid_scope":
		return code
	default:
		return ""
	}
}
