package simsid

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"simscim/internal/httpx"
	"simscim/internal/secret"
	"simscim/roster"
)

// ErrOtherOrganisation says that the service answered for another organisation than
// the one that was asked for. Nothing of such an answer is used.
var ErrOtherOrganisation = errors.New("the service answered for another organisation than the one asked for")

// refusal is the token service's word that a client may have no token.
type refusal struct{ code string }

func (r *refusal) Error() string {
	return "the token service refuses the client (" + r.code + ")"
}

const (
	// A token is renewed when this part of its life is over.
	renewAfter = 0.8
	// unknownLife is how long a token is used whose answer does not tell its life.
	unknownLife = 5 * time.Minute
	longestLife = 24 * time.Hour
)

// requestToken makes one token request: client credentials in the body, and the
// organisation in acr_values, which is what selects the school.
func (s *Source) requestToken(ctx context.Context, p *party, c credential) (token, error) {
	form := url.Values{
		"grant_type":    {"client_credentials"},
		"client_id":     {c.id.Reveal()},
		"client_secret": {c.secret.Reveal()},
		"scope":         {p.scope},
		"acr_values":    {"orgselected:" + p.organisation},
	}
	asked := s.now()
	resp, err := s.sts.client.Do(ctx, httpx.Request{
		Method: http.MethodPost, Path: s.sts.prefix + "/connect/token", Route: "/connect/token",
		Body: []byte(form.Encode()), ContentType: "application/x-www-form-urlencoded", Accept: "application/json",
		Idempotent: true, // a token asked for twice does no harm
	})
	if err != nil {
		return token{}, fmt.Errorf("request a token: %w", err)
	}
	if resp.Status != http.StatusOK {
		return token{}, tokenError(resp)
	}
	var answer struct {
		AccessToken string          `json:"access_token"`
		TokenType   string          `json:"token_type"`
		ExpiresIn   json.RawMessage `json:"expires_in"`
	}
	if err := json.Unmarshal(resp.Body, &answer); err != nil {
		return token{}, errors.New("request a token: the answer is not the JSON of a token")
	}
	if answer.AccessToken == "" || strings.ContainsAny(answer.AccessToken, "\r\n \t") {
		return token{}, errors.New("request a token: the answer holds no usable access token")
	}
	if answer.TokenType != "" && !strings.EqualFold(answer.TokenType, "bearer") {
		return token{}, errors.New("request a token: the answer holds a token of another type than Bearer")
	}
	if err := s.checkClaims(answer.AccessToken, p.organisation); err != nil {
		return token{}, fmt.Errorf("request a token: %w", err)
	}
	life := lifetime(answer.ExpiresIn)
	return token{
		header:  secret.New("Bearer " + answer.AccessToken),
		renewAt: asked.Add(time.Duration(float64(life) * renewAfter)),
	}, nil
}

// lifetime reads expires_in: seconds, as a number or in quotes.
func lifetime(raw json.RawMessage) time.Duration {
	var seconds float64
	if json.Unmarshal([]byte(strings.Trim(string(raw), `"`)), &seconds) != nil || !(seconds > 0) {
		return unknownLife
	}
	return time.Duration(min(seconds, longestLife.Seconds()) * float64(time.Second))
}

// tokenError sorts the errors of RFC 6749 §5.2 into refusals of this client and all
// the rest. Descriptions are left out: nobody knows what they hold.
func tokenError(resp *httpx.Response) error {
	var answer struct {
		Error string `json:"error"`
	}
	_ = json.Unmarshal(resp.Body, &answer) // whatever it is, the status remains
	switch answer.Error {
	case "invalid_client", "unauthorized_client", "access_denied", "invalid_grant":
		return &refusal{answer.Error}
	case "invalid_scope", "invalid_request", "unsupported_grant_type":
		return fmt.Errorf("request a token: the token service answers %d %s", resp.Status, answer.Error)
	}
	if resp.Status == http.StatusUnauthorized || resp.Status == http.StatusForbidden {
		return &refusal{fmt.Sprintf("status %d", resp.Status)}
	}
	return fmt.Errorf("request a token: the token service answers %d", resp.Status)
}

// checkClaims looks into the token where it can be read: a token for another
// organisation, or of the other environment, is refused before it is used. The
// signature is not our business; the API checks that.
func (s *Source) checkClaims(jwt, organisation string) error {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return nil
	}
	var claims map[string]any
	if json.Unmarshal(payload, &claims) != nil {
		return nil
	}
	for name, value := range claims {
		if isOrganisationClaim(name) && !holds(value, organisation) {
			return ErrOtherOrganisation
		}
	}
	if iss, ok := claims["iss"].(string); ok {
		u, err := url.Parse(iss)
		ours := s.hosts.environment()
		if err == nil && ours != "" && environmentOf(u.Hostname()) != "" && environmentOf(u.Hostname()) != ours {
			return errors.New("the token is of another environment than the one configured")
		}
	}
	return nil
}

func isOrganisationClaim(name string) bool {
	switch strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(name)) {
	case "organisation", "organisationid", "organization", "organizationid", "orgid", "org", "orgselected":
		return true
	default:
		return false
	}
}

// holds tells whether a claim names the organisation: as text or in a list. What is
// of another shape, or no GUID, tells nothing and is let pass.
func holds(claim any, organisation string) bool {
	switch v := claim.(type) {
	case string:
		got := roster.CanonicalID(strings.TrimPrefix(v, "orgselected:"))
		return got == organisation || roster.IsGUID(organisation) && !roster.IsGUID(got)
	case []any:
		for _, one := range v {
			if holds(one, organisation) {
				return true
			}
		}
		return len(v) == 0
	default:
		return true
	}
}
