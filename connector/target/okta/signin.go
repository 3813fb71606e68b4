package okta

import (
	"cmp"
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"simscim/config"
	"simscim/connector/target"
	"simscim/internal/auth"
)

const (
	tokenPath = "/oauth2/v1/token" //nolint:gosec // a path, and no secret
	// scopes of the Identity Sources API: the one to manage does not let read.
	scopeManage, scopeRead = "okta.identitySources.manage", "okta.identitySources.read"
	// assertionLife is how long a signed assertion holds; Okta takes up to an hour.
	assertionLife = 5 * time.Minute
	// clockSkew is how far our clock may be ahead of Okta's.
	clockSkew = 30 * time.Second
)

func signIn(cfg *config.Target, o Options) (auth.Authorize, error) {
	switch a := cfg.Auth; a.Type {
	case "ssws":
		bearer := auth.Bearer(a.Token)
		return func(ctx context.Context, stale string) (string, error) {
			if stale != "" {
				stale = "Bearer " + strings.TrimPrefix(stale, "SSWS ")
			}
			value, err := bearer(ctx, stale)
			if err != nil {
				return "", errors.Join(target.ErrCredentials, err)
			}
			return "SSWS " + strings.TrimPrefix(value, "Bearer "), nil
		}, nil
	case "private-key-jwt":
		client, err := auth.NewHTTP(cfg.CAFile, cmp.Or(cfg.Timeout.Duration, 30*time.Second))
		if err != nil {
			return nil, err
		}
		s := &serviceApp{cfg: &cfg.Auth, tokenURL: strings.TrimRight(cfg.URL, "/") + tokenPath, http: client, now: o.Now, newID: newID(o)}
		if s.now == nil {
			s.now = time.Now
		}
		return s.authorize, nil
	default:
		return nil, fmt.Errorf("there is no sign-in of type %q; there are private-key-jwt and ssws", a.Type)
	}
}

// serviceApp signs in as an OAuth service app with a key of its own (RFC 7523). It keeps
// the access token until it ends or is refused.
type serviceApp struct {
	cfg      *config.TargetAuth
	tokenURL string
	http     *http.Client
	now      func() time.Time
	newID    func() string

	mu    sync.Mutex
	token *oauth2.Token
}

func (s *serviceApp) authorize(ctx context.Context, stale string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token.Valid() && header(s.token) != stale {
		return header(s.token), nil
	}
	token, err := s.fetch(ctx)
	if err != nil {
		return "", err
	}
	s.token = token
	return header(token), nil
}

func header(t *oauth2.Token) string { return "Bearer " + t.AccessToken }

func (s *serviceApp) fetch(ctx context.Context) (*oauth2.Token, error) {
	id, assertion, err := s.assertion()
	if err != nil {
		return nil, errors.Join(target.ErrCredentials, err)
	}
	cc := clientcredentials.Config{
		ClientID: id, TokenURL: s.tokenURL, Scopes: []string{scopeManage, scopeRead}, AuthStyle: oauth2.AuthStyleInParams,
		EndpointParams: url.Values{
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
			"client_assertion":      {assertion},
		},
	}
	token, err := cc.Token(context.WithValue(ctx, oauth2.HTTPClient, s.http))
	if err != nil {
		return nil, refusal(ctx, err)
	}
	return token, nil
}

// assertion is a signed statement of who we are. The key is read each time, so that one
// that was renewed is used without a restart.
func (s *serviceApp) assertion() (clientID, text string, err error) {
	id, err := s.cfg.ClientID.Resolve()
	if err != nil {
		return "", "", fmt.Errorf("clientID: %w", err)
	}
	pem, err := s.cfg.PrivateKey.Resolve()
	if err != nil {
		return "", "", fmt.Errorf("privateKey: %w", err)
	}
	var key *rsa.PrivateKey
	if key, err = jwt.ParseRSAPrivateKeyFromPEM([]byte(pem.Reveal())); err != nil {
		return "", "", errors.New("privateKey: it is not an RSA key in PEM form") // the library's text may hold parts of it
	}
	now := s.now().Add(-clockSkew)
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.RegisteredClaims{
		Issuer: id.Reveal(), Subject: id.Reveal(), Audience: jwt.ClaimStrings{s.tokenURL}, ID: s.newID(),
		IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(assertionLife)),
	})
	if s.cfg.KeyID != "" {
		token.Header["kid"] = s.cfg.KeyID
	}
	if text, err = token.SignedString(key); err != nil {
		return "", "", errors.New("privateKey: nothing can be signed with it")
	}
	return id.Reveal(), text, nil
}

// refusal says why there is no token, without the words of the token service, which may
// repeat what was sent.
func refusal(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok || refused.Response == nil {
		return errors.New("the token service did not give a usable answer")
	}
	answered := &auth.TokenError{Status: refused.Response.StatusCode}
	if answered.Status >= http.StatusInternalServerError || answered.Status == http.StatusTooManyRequests {
		return answered
	}
	return fmt.Errorf("%w: %w; %s", target.ErrCredentials, answered, reason(refused.ErrorCode))
}

// reason is what an error code of the token service mostly means (RFC 6749 §5.2).
func reason(code string) string {
	switch code {
	case "invalid_client":
		return "clientID, keyID and privateKey must be those of the service app, the public key must be registered there, and the clock of this machine must be right"
	case "invalid_scope":
		return "grant the service app " + scopeManage + " and " + scopeRead + " (Okta API Scopes)"
	case "invalid_dpop_proof":
		return "switch off \"Require Demonstrating Proof of Possession\" for the service app"
	case "unauthorized_client", "access_denied":
		return "the service app may not use client credentials, or lacks an administrator role"
	default:
		return "look at the sign-ins of the service app in Okta's System Log"
	}
}
