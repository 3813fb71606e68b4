package okta

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	signInPath    = "/oauth2/v1/token"
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	// maxForm bounds the body of a token request, maxAssertion the assertion in it.
	maxForm, maxAssertion = 16 << 10, 8 << 10
	// longestAssertion is how far ahead an assertion may end.
	longestAssertion = time.Hour
)

// grant is what an access token stands for.
type grant struct {
	scopes []string
	ends   time.Time
}

// oauthError is an error of RFC 6749 §5.2.
type oauthError struct{ code, description string }

func (e *oauthError) Error() string { return e.code + ": " + e.description }

func (e *oauthError) status() int {
	if e.code == "invalid_client" {
		return http.StatusUnauthorized
	}
	return http.StatusBadRequest
}

// serveToken is the client credentials grant with private_key_jwt (RFC 7523).
func (o *Org) serveToken(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.counts.Tokens++
	w.Header().Set("Cache-Control", "no-store") // RFC 6749 §5.1
	doc, err := o.issue(w, r)
	if e, ok := errors.AsType[*oauthError](err); ok {
		writeJSON(w, e.status(), map[string]any{"error": e.code, "error_description": e.description})
		return
	}
	writeJSON(w, http.StatusOK, doc)
}

func (o *Org) issue(w http.ResponseWriter, r *http.Request) (map[string]any, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); r.Method != http.MethodPost || err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, &oauthError{"invalid_request", "the request must be a POST of a form"}
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if r.ParseForm() != nil {
		return nil, &oauthError{"invalid_request", "the form cannot be read"}
	}
	get := func(name string) string {
		if v := r.PostForm[name]; len(v) == 1 { // RFC 6749 §3.2: no parameter twice
			return v[0]
		}
		return ""
	}
	switch {
	case get("grant_type") != "client_credentials":
		return nil, &oauthError{"unsupported_grant_type", "the grant type must be client_credentials"}
	case get("client_assertion_type") != assertionType:
		return nil, &oauthError{"invalid_client", "client_assertion_type is missing or not supported"}
	case get("scope") == "":
		return nil, &oauthError{"invalid_scope", "one or more scopes are needed"}
	}
	now := o.options.Now()
	if err := o.checkAssertion(get("client_assertion"), base(r)+signInPath, now); err != nil {
		return nil, &oauthError{"invalid_client", err.Error()}
	}
	scopes := strings.Fields(get("scope"))
	for _, s := range scopes {
		if !slices.Contains(o.options.Scopes, s) {
			return nil, &oauthError{"invalid_scope", "one or more scopes are not granted to the client"}
		}
	}
	o.serial++
	token := "eyJ" + o.derive(fmt.Sprintf("access token %d", o.serial))
	o.access[token] = grant{scopes: scopes, ends: now.Add(o.options.TokenTTL)}
	return map[string]any{
		"token_type": "Bearer", "expires_in": int(o.options.TokenTTL / time.Second),
		"access_token": token, "scope": strings.Join(scopes, " "),
	}, nil
}

// claims are what an assertion says. exp is a pointer, as it must be there.
type claims struct {
	Issuer   string          `json:"iss"`
	Subject  string          `json:"sub"`
	Audience json.RawMessage `json:"aud"`
	Expires  *int64          `json:"exp"`
	Issued   int64           `json:"iat"`
	ID       string          `json:"jti"`
}

// checkAssertion is RFC 7523 §3 with Okta's limits.
func (o *Org) checkAssertion(text, audience string, now time.Time) error {
	var c claims
	if o.options.Key == nil || !verify(o.options.Key, text, &c) {
		return errors.New("the client_assertion is malformed or its signature is wrong")
	}
	switch {
	case c.Issuer != o.options.ClientID || c.Subject != o.options.ClientID:
		return errors.New("iss and sub of the client_assertion must be the client id")
	case !c.meant(audience):
		return errors.New("aud of the client_assertion must be the token endpoint")
	case c.Expires == nil || now.Unix() >= *c.Expires:
		return errors.New("the client_assertion has expired")
	case *c.Expires > now.Add(longestAssertion).Unix():
		return errors.New("exp of the client_assertion is more than an hour ahead")
	case c.Issued > now.Unix():
		return errors.New("iat of the client_assertion is in the future")
	}
	for id, ends := range o.assertions {
		if !now.Before(ends) {
			delete(o.assertions, id)
		}
	}
	if _, used := o.assertions[c.ID]; used {
		return errors.New("jti of the client_assertion was used before")
	}
	if c.ID != "" {
		o.assertions[c.ID] = time.Unix(*c.Expires, 0)
	}
	return nil
}

// meant tells whether the audience, a string or a list of them, is the given one.
func (c *claims) meant(audience string) bool {
	var one string
	var many []string
	if json.Unmarshal(c.Audience, &one) == nil {
		return one == audience
	}
	return json.Unmarshal(c.Audience, &many) == nil && slices.Contains(many, audience)
}

// verify reads a JSON Web Token that was signed with RS256 (RFC 7515, RFC 7519).
func verify(key *rsa.PublicKey, text string, into *claims) bool {
	parts := strings.Split(text, ".")
	if len(parts) != 3 || len(text) > maxAssertion || strings.ContainsAny(text, "\r\n") {
		return false
	}
	var header struct {
		Algorithm string `json:"alg"`
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !segment(parts[0], &header) || header.Algorithm != "RS256" {
		return false
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) == nil && segment(parts[1], into)
}

func segment(text string, into any) bool {
	b, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil && json.Unmarshal(b, into) == nil
}

// authorise finds out who calls. A SSWS token may do everything; an access token what
// its scopes say, in which manage does not include read.
func (o *Org) authorise(r *http.Request, now time.Time) error {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case strings.EqualFold(scheme, "SSWS") && subtle.ConstantTimeCompare([]byte(token), []byte(o.token)) == 1:
		return nil
	case !strings.EqualFold(scheme, "Bearer"):
		return badToken()
	}
	g, ok := o.access[token]
	if !ok || !now.Before(g.ends) {
		return badToken()
	}
	needed := ScopeManage
	if r.Method == http.MethodGet {
		needed = ScopeRead
	}
	if !slices.Contains(g.scopes, needed) {
		return denied()
	}
	return nil
}

// ExpireTokens makes every access token that was issued so far invalid.
func (o *Org) ExpireTokens() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.access)
}

// base is the URL under which the organisation was called, up to where it is mounted.
func base(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	whole, _, _ := strings.Cut(r.RequestURI, "?")
	prefix, ok := strings.CutSuffix(whole, r.URL.EscapedPath())
	if !ok || !strings.HasPrefix(prefix, "/") {
		prefix = ""
	}
	return scheme + "://" + r.Host + prefix
}
