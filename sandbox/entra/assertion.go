package entra

import (
	"cmp"
	"crypto"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // x5t is a SHA-1 thumbprint by definition (RFC 7515 §4.1.7)
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
)

// assertion is a JSON Web Token by which a client proves who it is (RFC 7523 §3).
type assertion struct {
	header struct {
		Algorithm  string `json:"alg"`
		Thumbprint string `json:"x5t"`
		Thumb256   string `json:"x5t#S256"`
	}
	claims struct {
		Issuer    string   `json:"iss"`
		Subject   string   `json:"sub"`
		Audience  audience `json:"aud"`
		Expires   int64    `json:"exp"`
		NotBefore int64    `json:"nbf"`
		ID        string   `json:"jti"`
	}
	signed    string
	signature []byte
}

// audience is one text or several (RFC 7519 §4.1.3).
type audience []string

func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(a))
}

// maxAssertion bounds a token: they are of a few kilobytes.
const maxAssertion = 16 << 10

func parseAssertion(text string) (*assertion, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 || len(text) > maxAssertion {
		return nil, errors.New("not a signed token")
	}
	var a assertion
	for i, into := range []any{&a.header, &a.claims} {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(b, into); err != nil {
			return nil, err
		}
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	a.signed, a.signature = parts[0]+"."+parts[1], signature
	return &a, err
}

// verify checks the assertion against the client's certificates if it is the client's
// own, and against those it trusts if somebody else issued it.
func (s *Service) verify(client *Client, text, host string) *denial {
	a, err := parseAssertion(text)
	if err != nil {
		return badClient(50027, "JWT token is invalid or malformed.")
	}
	if !strings.EqualFold(a.claims.Issuer, client.ID) {
		return s.verifyFederated(client, a)
	}
	at := slices.IndexFunc(client.Certificates, a.names)
	if at < 0 {
		return badClient(700027, "The certificate with identifier used to sign the client assertion is not registered on application.")
	}
	cert := client.Certificates[at]
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok || !a.signedBy(key) {
		return badClient(700027, "Client assertion failed signature validation.")
	}
	now := s.now()
	if now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
		return badClient(7000222, "The provided client certificate is expired.")
	}
	// The host is that of the request, since the look-alike may stand anywhere.
	places := []string{host + "/" + s.options.Tenant + "/oauth2/v2.0/token", host + "/" + s.options.Tenant + "/v2.0"}
	here := slices.ContainsFunc(a.claims.Audience, func(aud string) bool {
		_, place, ok := strings.Cut(aud, "://")
		return ok && slices.Contains(places, place)
	})
	switch {
	case !here:
		return badClient(700023, "Client assertion audience claim does not match Realm issuer.")
	case !strings.EqualFold(a.claims.Subject, client.ID), a.claims.ID == "":
		return badClient(50027, "JWT token is invalid: the subject is to be the client and there is to be an id.")
	}
	return a.times(now)
}

func (s *Service) verifyFederated(client *Client, a *assertion) *denial {
	for _, f := range client.Federated {
		if f.Issuer != a.claims.Issuer || f.Subject != a.claims.Subject || !slices.Contains(a.claims.Audience, cmp.Or(f.Audience, "api://AzureADTokenExchange")) {
			continue
		}
		if !a.signedBy(f.Key) {
			return badClient(700027, "Client assertion failed signature validation.")
		}
		return a.times(s.now())
	}
	return badClient(70021, "No matching federated identity record found for presented assertion.")
}

// names tells whether the header points at the certificate. Microsoft's libraries write
// thumbprints in plain base64, where RFC 7515 has base64url.
func (a *assertion) names(cert *x509.Certificate) bool {
	short := sha1.Sum(cert.Raw) //nolint:gosec // as above
	long := sha256.Sum256(cert.Raw)
	plain := strings.NewReplacer("+", "-", "/", "_", "=", "")
	return plain.Replace(a.header.Thumbprint) == base64.RawURLEncoding.EncodeToString(short[:]) ||
		plain.Replace(a.header.Thumb256) == base64.RawURLEncoding.EncodeToString(long[:])
}

// signedBy checks RS256 and PS256, the two that Entra ID takes.
func (a *assertion) signedBy(key *rsa.PublicKey) bool {
	if key == nil {
		return false
	}
	sum := sha256.Sum256([]byte(a.signed))
	switch a.header.Algorithm {
	case "RS256":
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], a.signature) == nil
	case "PS256":
		return rsa.VerifyPSS(key, crypto.SHA256, sum[:], a.signature, nil) == nil
	default:
		return false
	}
}

// times allows clocks to differ by five minutes.
func (a *assertion) times(now time.Time) *denial {
	const skew = 5 * time.Minute
	if now.Add(-skew).Unix() >= a.claims.Expires || now.Add(skew).Unix() < a.claims.NotBefore {
		return badClient(700024, "Client assertion is not within its valid time range.")
	}
	return nil
}
