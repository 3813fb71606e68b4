package oneroster

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"simscim/sandbox/simsid"
)

// The ends of the scopes that rostering knows.
const (
	scopeCore         = "roster-core.readonly"
	scopeRoster       = "roster.readonly"
	scopeDemographics = "roster-demographics.readonly"
)

// simsScope is what a school's token must hold.
const simsScope = "onerosterapi"

// maxForm bounds the body of a token request.
const maxForm = 16 << 10

// Scopes are those that a district's client may ask for in a version.
func Scopes(v Version) []string {
	at := "https://purl.imsglobal.org/spec/or/v1p1/scope/"
	if v == V12 {
		at = "https://purl.imsglobal.org/spec/or/v1p2/scope/"
	}
	return []string{at + scopeCore, at + scopeRoster, at + scopeDemographics}
}

// grant is what a district's token says.
type grant struct {
	Scopes     []string `json:"s"`
	Expires    int64    `json:"e"`
	Generation int64    `json:"g"`
	Number     int64    `json:"n"`
}

// tokenPrefix tells the district's tokens from the schools'.
const tokenPrefix = "district."

func (s *Service) seal(g grant) (string, error) {
	body, err := json.Marshal(g)
	if err != nil {
		return "", err
	}
	text := tokenPrefix + base64.RawURLEncoding.EncodeToString(body)
	return text + "." + base64.RawURLEncoding.EncodeToString(s.mac(text)), nil
}

func (s *Service) mac(text string) []byte {
	h := hmac.New(sha256.New, s.key[:])
	h.Write([]byte(text))
	return h.Sum(nil)
}

// open checks a token's seal, time and generation.
func (s *Service) open(token string) (*grant, bool) {
	at := strings.LastIndexByte(token, '.')
	if at < len(tokenPrefix) || len(token) > 4096 {
		return nil, false
	}
	sum, err := base64.RawURLEncoding.Strict().DecodeString(token[at+1:])
	if err != nil || !hmac.Equal(sum, s.mac(token[:at])) {
		return nil, false
	}
	body, err := base64.RawURLEncoding.DecodeString(token[len(tokenPrefix):at])
	var g grant
	if err != nil || json.Unmarshal(body, &g) != nil {
		return nil, false
	}
	return &g, s.now().Unix() < g.Expires && g.Generation == s.generation.Load()
}

// token is the client credentials grant (RFC 6749 §4.4): the client is named by HTTP
// Basic or in the body, not both.
func (s *Service) token(w http.ResponseWriter, r *http.Request, f *simsid.Fault) {
	w.Header().Set("Cache-Control", "no-store")
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		problemOf(http.StatusMethodNotAllowed).write(w, V11, s.switches())
		return
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err != nil || kind != "application/x-www-form-urlencoded" || r.ParseForm() != nil {
		oauthError(w, http.StatusBadRequest, "invalid_request")
		return
	}
	id, pass, basic := r.BasicAuth()
	if basic { // both are form-encoded first (RFC 6749 §2.3.1)
		if plain, err := url.QueryUnescape(id); err == nil {
			id = plain
		}
		if plain, err := url.QueryUnescape(pass); err == nil {
			pass = plain
		}
		if r.PostForm.Has("client_secret") {
			oauthError(w, http.StatusBadRequest, "invalid_request")
			return
		}
	} else {
		id, pass = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	if r.PostForm.Get("grant_type") != "client_credentials" {
		oauthError(w, http.StatusBadRequest, "unsupported_grant_type")
		return
	}
	if !s.isClient(id, pass) {
		if basic {
			w.Header().Set("WWW-Authenticate", `Basic realm="OneRoster sandbox"`)
		}
		oauthError(w, http.StatusUnauthorized, "invalid_client")
		return
	}
	scopes := strings.Fields(r.PostForm.Get("scope"))
	allowed := append(Scopes(V11), Scopes(V12)...)
	if len(scopes) == 0 || slices.ContainsFunc(scopes, func(want string) bool { return !slices.Contains(allowed, want) }) {
		oauthError(w, http.StatusBadRequest, "invalid_scope")
		return
	}
	s.issue(w, scopes, f)
}

func (s *Service) isClient(id, pass string) bool {
	right := subtle.ConstantTimeCompare([]byte(pass), []byte(s.district.ClientSecret.Reveal())) == 1
	return right && id == s.district.ClientID
}

// issue answers with a token.
func (s *Service) issue(w http.ResponseWriter, scopes []string, f *simsid.Fault) {
	expires := s.now().Add(s.ttl)
	if f != nil && f.Kind == simsid.ExpiredToken {
		expires = s.now().Add(-time.Second)
	}
	token, err := s.seal(grant{Scopes: scopes, Expires: expires.Unix(), Generation: s.generation.Load(), Number: s.issued.Add(1)})
	if err != nil {
		http.Error(w, "the token could not be made", http.StatusInternalServerError)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"access_token": token, "token_type": "Bearer", "expires_in": int(s.ttl / time.Second), "scope": strings.Join(scopes, " "),
	})
}

func oauthError(w http.ResponseWriter, status int, code string) {
	writeJSON(w, status, map[string]any{"error": code})
}

// loginCookie carries the token of the login that is no OAuth.
const loginCookie = "AuthToken"

// login is a way in of its own that some services have: form or JSON, and the token in
// the answer and in a cookie.
func (s *Service) login(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		problemOf(http.StatusMethodNotAllowed).write(w, V11, s.switches())
		return
	}
	id, pass, err := loginOf(http.MaxBytesReader(w, r.Body, maxForm), r.Header.Get("Content-Type"))
	if err != nil || !s.isClient(id, pass) {
		problemOf(http.StatusUnauthorized).write(w, V11, s.switches())
		return
	}
	token, err := s.seal(grant{
		Scopes: append(Scopes(V11), Scopes(V12)...), Expires: s.now().Add(s.ttl).Unix(), Generation: s.generation.Load(), Number: s.issued.Add(1),
	})
	if err != nil {
		http.Error(w, "the token could not be made", http.StatusInternalServerError)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: loginCookie, Value: token, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode}) //nolint:gosec // plain HTTP on the loopback interface
	writeJSON(w, http.StatusOK, map[string]any{"token": token})
}

func loginOf(body io.Reader, contentType string) (id, pass string, err error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return "", "", err
	}
	if kind, _, _ := mime.ParseMediaType(contentType); kind == "application/json" {
		var in struct{ ClientID, ClientSecret string }
		err = json.Unmarshal(text, &in)
		return in.ClientID, in.ClientSecret, err
	}
	form, err := url.ParseQuery(string(text))
	return form.Get("clientid"), form.Get("clientsecret"), err
}

// admit checks who calls, and sets what they may see. It has answered when it returns
// false.
func (c *call) admit() bool {
	if c.on.has(CoolDown) && !c.limiter.AllowN(c.now(), 1) {
		c.w.Header().Set("Retry-After", "1")
		c.refuse(problemOf(http.StatusTooManyRequests))
		return false
	}
	one, status, wait := c.caller()
	if status != 0 {
		if wait > 0 {
			c.w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
		}
		c.refuse(problemOf(status))
		return false
	}
	c.trust = c.Service.trust(c.version, one)
	return true
}

// caller is the school that the credentials open, or none for the district; otherwise
// the status to refuse with.
func (c *call) caller() (school uuid.UUID, status int, wait time.Duration) {
	scheme, value, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "OAuth") || c.r.URL.Query().Has("oauth_signature") {
		if c.version == V12 { // which knows OAuth 2 only
			return uuid.Nil, http.StatusUnauthorized, 0
		}
		return uuid.Nil, c.oauth1(), 0
	}
	token := strings.TrimSpace(value)
	if cookie, err := c.r.Cookie(loginCookie); err == nil && scheme == "" && c.on.has(Login) {
		token = cookie.Value
	} else if !strings.EqualFold(scheme, "Bearer") {
		return uuid.Nil, http.StatusUnauthorized, 0
	}
	if strings.HasPrefix(token, tokenPrefix) {
		return uuid.Nil, c.district(token), 0
	}
	if c.sims == nil {
		return uuid.Nil, http.StatusUnauthorized, 0
	}
	school, err := c.sims.Admit(c.r, simsScope)
	if refusal, refused := errors.AsType[*simsid.Refusal](err); refused {
		return uuid.Nil, refusal.Status, refusal.Wait
	}
	return school, 0, 0
}

// district checks a district's token and its scope: lists and single records need the
// core one or the whole roster's, what lies below them the whole roster's.
func (c *call) district(token string) int {
	g, ok := c.open(token)
	if !ok {
		return http.StatusUnauthorized
	}
	need := []string{c.scope()}
	if need[0] == scopeCore {
		need = append(need, scopeRoster)
	}
	version := V12
	if c.root[len(c.root)-len("v1p1"):] == "v1p1" {
		version = V11
	}
	for _, want := range Scopes(version) {
		for _, end := range need {
			if strings.HasSuffix(want, "/"+end) && slices.Contains(g.Scopes, want) {
				return 0
			}
		}
	}
	return http.StatusForbidden
}
