package entra

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// assertionType is of client assertions (RFC 7523 §2.2).
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	// graphResource is what tokens are for; the ".default" scope asks for all that the
	// tenant has consented to.
	graphResource = "https://graph.microsoft.com"
	// maxForm bounds the body of a token request.
	maxForm = 64 << 10
)

// denial is a refused sign-in with its number among the AADSTS errors.
type denial struct {
	status int
	code   string
	number int
	text   string
}

func deny(status int, code string, number int, text string) *denial {
	return &denial{status, code, number, text}
}

func badClient(number int, text string) *denial {
	return deny(http.StatusUnauthorized, "invalid_client", number, text)
}

// serveToken is the client credentials grant (RFC 6749 §4.4).
func (s *Service) serveToken(w http.ResponseWriter, r *http.Request, tenant string) {
	if s.arriveAtToken(Tokens) {
		s.write(w, r, failed(&problem{status: http.StatusServiceUnavailable, code: "serviceUnavailable", message: "The sandbox was told to fail."}))
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	client, refusal := s.signIn(w, r, tenant)
	if refusal != nil {
		s.writeDenial(w, refusal)
		return
	}
	token, err := s.seal(client)
	if err != nil {
		s.write(w, r, failed(err))
		return
	}
	// One second is lost on the way, as the documents show it: 3599.
	left := max(int(s.options.TokenTTL/time.Second)-1, 0)
	writeJSON(w, http.StatusOK, map[string]any{"token_type": "Bearer", "expires_in": left, "ext_expires_in": left, "access_token": token})
}

// signIn finds out which client asks.
func (s *Service) signIn(w http.ResponseWriter, r *http.Request, tenant string) (*Client, *denial) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if r.Method != http.MethodPost || err != nil || kind != "application/x-www-form-urlencoded" || r.ParseForm() != nil {
		return nil, deny(http.StatusBadRequest, "invalid_request", 900144, "The request body must contain the following parameter: 'grant_type'.")
	}
	if !strings.EqualFold(tenant, s.options.Tenant) {
		return nil, deny(http.StatusBadRequest, "invalid_request", 90002, "Tenant '"+tenant+"' not found.")
	}
	form := r.PostForm
	switch form.Get("grant_type") {
	case "client_credentials":
	case "":
		return nil, deny(http.StatusBadRequest, "invalid_request", 900144, "The request body must contain the following parameter: 'grant_type'.")
	default:
		return nil, deny(http.StatusBadRequest, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
	}
	client := s.clients[strings.ToLower(form.Get("client_id"))]
	if client == nil || client.Managed {
		return nil, deny(http.StatusBadRequest, "unauthorized_client", 700016, "Application was not found in the directory.")
	}
	if refusal := s.prove(client, form, r.Host); refusal != nil {
		return nil, refusal
	}
	resource, isDefault := resourceOf(form.Get("scope"))
	switch {
	case !isDefault:
		return nil, deny(http.StatusBadRequest, "invalid_scope", 1002012, "The provided value for scope is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier.")
	case !isGraph(r, resource):
		return nil, deny(http.StatusBadRequest, "invalid_resource", 500011, "The resource principal was not found in the tenant.")
	}
	return client, nil
}

// isGraph tells whether tokens are asked for Graph, by its name at Microsoft or by the
// address at which it stands here.
func isGraph(r *http.Request, resource string) bool {
	resource = strings.TrimSuffix(resource, "/")
	return resource == graphResource || resource == "http://"+r.Host || resource == "https://"+r.Host
}

// prove checks the secret or the assertion; one of them, not both.
func (s *Service) prove(client *Client, form url.Values, host string) *denial {
	secret, assertion := form.Get("client_secret"), form.Get("client_assertion")
	switch {
	case secret != "" && assertion != "":
		return deny(http.StatusBadRequest, "invalid_request", 90023, "Client assertion and client secret are both present.")
	case assertion != "":
		if form.Get("client_assertion_type") != assertionType {
			return deny(http.StatusBadRequest, "invalid_request", 50027, "The client assertion type is not valid.")
		}
		return s.verify(client, assertion, host)
	case secret == "":
		return badClient(7000216, "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.")
	case client.Secret == "" || subtle.ConstantTimeCompare([]byte(secret), []byte(client.Secret)) != 1:
		return badClient(7000215, "Invalid client secret provided.")
	}
	return nil
}

func (s *Service) writeDenial(w http.ResponseWriter, d *denial) {
	s.mu.Lock()
	trace, correlation := s.newID(), s.newID()
	s.mu.Unlock()
	writeJSON(w, d.status, map[string]any{
		"error":             d.code,
		"error_description": fmt.Sprintf("AADSTS%d: %s Trace ID: %s Correlation ID: %s", d.number, d.text, trace, correlation),
		"error_codes":       []int{d.number},
		"timestamp":         s.now().UTC().Format("2006-01-02 15:04:05Z"),
		"trace_id":          trace,
		"correlation_id":    correlation,
	})
}

// serveIdentity is the metadata service that machines of the cloud ask for tokens.
func (s *Service) serveIdentity(w http.ResponseWriter, r *http.Request) {
	refuse := func(status int, code, text string) {
		writeJSON(w, status, map[string]any{"error": code, "error_description": text})
	}
	if s.arriveAtToken(Identities) {
		refuse(http.StatusInternalServerError, "unknown", "The sandbox was told to fail.")
		return
	}
	q := r.URL.Query()
	switch {
	case r.Method != http.MethodGet:
		refuse(http.StatusMethodNotAllowed, "invalid_request", "Only GET is served.")
		return
	case !strings.EqualFold(r.Header.Get("Metadata"), "true"):
		refuse(http.StatusBadRequest, "invalid_request", "Required metadata header not specified")
		return
	case r.Header.Get("X-Forwarded-For") != "": // nobody is to ask for others
		refuse(http.StatusBadRequest, "invalid_request", "The request was forwarded")
		return
	case q.Get("api-version") == "":
		refuse(http.StatusBadRequest, "bad_request_102", "Required api-version parameter not specified")
		return
	case !isGraph(r, q.Get("resource")):
		refuse(http.StatusBadRequest, "invalid_resource", "AADSTS500011: The resource principal was not found in the tenant.")
		return
	}
	client := s.identity(q.Get("client_id"))
	if client == nil {
		refuse(http.StatusBadRequest, "invalid_request", "Identity not found")
		return
	}
	token, err := s.seal(client)
	if err != nil {
		refuse(http.StatusInternalServerError, "unknown", "The token could not be made")
		return
	}
	left := strconv.Itoa(int(s.options.TokenTTL / time.Second))
	writeJSON(w, http.StatusOK, map[string]any{ // numbers are strings here
		"access_token": token, "client_id": client.ID, "expires_in": left, "ext_expires_in": left, "token_type": "Bearer",
		"expires_on": strconv.FormatInt(s.now().Add(s.options.TokenTTL).Unix(), 10),
		"not_before": strconv.FormatInt(s.now().Unix(), 10), "resource": q.Get("resource"),
	})
}

// identity is the managed identity of that id or, without one, the only one there is.
func (s *Service) identity(id string) *Client {
	var found []*Client
	for i := range s.options.Clients {
		c := &s.options.Clients[i]
		if c.Managed && (id == "" || strings.EqualFold(id, c.ID)) {
			found = append(found, c)
		}
	}
	if len(found) != 1 {
		return nil
	}
	return found[0]
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that has gone cannot be told
}
