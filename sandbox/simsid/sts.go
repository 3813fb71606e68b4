package simsid

import (
	"crypto/subtle"
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"simscim/sandbox/world"
)

// STS is the token service.
func (s *Service) STS() http.Handler {
	return s.handler("sts",
		route{"/connect/token", http.MethodPost, (*Service).token},
		route{"/.well-known/openid-configuration", http.MethodGet, (*Service).discovery},
		route{"/.well-known/openid-configuration/jwks", http.MethodGet, (*Service).keys},
	)
}

// maxForm bounds the body of a token request.
const maxForm = 16 << 10

// token is the client credentials grant (RFC 6749 §4.4) with the vendor's addition:
// acr_values picks the organisation.
func (s *Service) token(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store") // RFC 6749 §5.1
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		oauthError(w, "invalid_request")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		oauthError(w, "invalid_request")
		return
	}
	c, org, scope, code := s.checkTokenRequest(r.PostForm)
	if code != "" {
		oauthError(w, code)
		return
	}
	now := s.now()
	expires := now.Add(s.ttl)
	if is(r.Context(), ExpiredToken) {
		expires = now.Add(-time.Second)
	}
	token, err := s.signer.sign(claims{
		Issuer: base(r), Audience: base(r) + "/resources", Expires: expires.Unix(), NotBefore: now.Unix(), Issued: now.Unix(),
		ID: uuid.NewString(), Client: c.id, Scope: scope, Organisation: org.String(), Generation: s.generation.Load(),
	})
	if err != nil {
		fail(w, http.StatusInternalServerError, "the token could not be made")
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"access_token": token, "expires_in": int(s.ttl / time.Second), "token_type": "Bearer",
	})
}

// checkTokenRequest returns the client, organisation and scopes, or an error code of
// RFC 6749 §5.2. The order matters: nobody learns of an organisation without the
// client's secret.
func (s *Service) checkTokenRequest(form map[string][]string) (c *client, org uuid.UUID, scope []string, code string) {
	get := func(name string) string {
		if v := form[name]; len(v) == 1 { // RFC 6749 §3.2: no parameter twice
			return v[0]
		}
		return ""
	}
	for _, name := range []string{"grant_type", "client_id", "client_secret", "scope", "acr_values"} {
		if get(name) == "" {
			return nil, org, nil, "invalid_request"
		}
	}
	if get("grant_type") != "client_credentials" {
		return nil, org, nil, "unsupported_grant_type"
	}
	c = s.clients[get("client_id")]
	if c == nil || subtle.ConstantTimeCompare([]byte(c.secret), []byte(get("client_secret"))) != 1 {
		return nil, org, nil, "invalid_client"
	}
	scope = strings.Fields(get("scope"))
	for _, want := range scope {
		if !slices.Contains(c.scopes, want) {
			return nil, org, nil, "invalid_scope"
		}
	}
	org, ok := selectedOrganisation(get("acr_values"))
	switch {
	case !ok:
		return nil, org, nil, "invalid_request"
	case org != c.organisation || !c.vendor && !s.consents(org):
		return nil, org, nil, "unauthorized_client"
	}
	return c, org, scope, ""
}

func selectedOrganisation(acr string) (uuid.UUID, bool) {
	for value := range strings.FieldsSeq(acr) {
		if text, ok := strings.CutPrefix(value, "orgselected:"); ok {
			id, err := uuid.Parse(text)
			return id, err == nil && len(text) == 36
		}
	}
	return uuid.Nil, false
}

func (s *Service) consents(org uuid.UUID) bool {
	site, ok := s.world.Site(org)
	return ok && site.Authorised == world.Authorised
}

func (s *Service) discovery(w http.ResponseWriter, r *http.Request) {
	at := base(r)
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                                at,
		"jwks_uri":                              at + "/.well-known/openid-configuration/jwks",
		"token_endpoint":                        at + "/connect/token",
		"grant_types_supported":                 []string{"client_credentials"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_post"},
		"scopes_supported":                      strings.Fields(SchoolScope + " partner-read partner-write"),
		"id_token_signing_alg_values_supported": []string{"RS256"},
	})
}

func (s *Service) keys(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.signer.jwks())
}

// authorise checks the bearer token and the rate limit of a data call. It has
// answered when it returns nil.
func (s *Service) authorise(w http.ResponseWriter, r *http.Request) *claims {
	c, refused := s.check(r)
	switch {
	case refused == nil:
		return c
	case refused.Status == http.StatusTooManyRequests:
		throttle(w, int((refused.Wait+time.Second-1)/time.Second), true)
	case refused.bad:
		unauthorised(w, "invalid_token")
	default:
		unauthorised(w, "")
	}
	return nil
}

func unauthorised(w http.ResponseWriter, code string) {
	challenge := `Bearer realm="SIMS ID sandbox"`
	if code != "" {
		challenge += `, error=` + strconv.Quote(code)
	}
	w.Header().Set("WWW-Authenticate", challenge) // RFC 6750 §3
	fail(w, http.StatusUnauthorized, "the bearer token is missing or not valid")
}

// throttle answers 429 as the vendor does, in words; with a Retry-After header too
// where asked for.
func throttle(w http.ResponseWriter, seconds int, header bool) {
	if header {
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
	fail(w, http.StatusTooManyRequests, "Rate limit is exceeded. Try again in "+strconv.Itoa(seconds)+" seconds.")
}

func oauthError(w http.ResponseWriter, code string) {
	writeJSON(w, http.StatusBadRequest, map[string]any{"error": code})
}

// fail answers an error. Only the text of 429 is documented; the others follow it.
func fail(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]any{"statusCode": status, "message": message})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "the answer could not be encoded", http.StatusInternalServerError)
		return
	}
	writeBody(w, status, body)
}

func writeBody(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller has gone if this fails
}
