package simsid

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
)

// claims are what a token of the service says.
type claims struct {
	Issuer       string   `json:"iss"`
	Audience     string   `json:"aud"`
	Expires      int64    `json:"exp"`
	NotBefore    int64    `json:"nbf"`
	Issued       int64    `json:"iat"`
	ID           string   `json:"jti"`
	Client       string   `json:"client_id"`
	Scope        []string `json:"scope"`
	Organisation string   `json:"organisation"`
	// Generation grows when all tokens are made to expire at once.
	Generation int64 `json:"gen"`
}

func (c *claims) has(scope string) bool { return slices.Contains(c.Scope, scope) }

// signer makes and checks JSON Web Tokens, RS256 only (RFC 7515, RFC 7519).
type signer struct {
	key *rsa.PrivateKey
	kid string
}

func newSigner(key *rsa.PrivateKey) (*signer, error) {
	if key == nil {
		var err error
		if key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			return nil, fmt.Errorf("make the token key: %w", err)
		}
	}
	sum := sha256.Sum256(key.N.Bytes())
	return &signer{key: key, kid: hex.EncodeToString(sum[:8])}, nil
}

func encodeSegment(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

type header struct {
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
	Type      string `json:"typ"`
}

func (s *signer) sign(c claims) (string, error) {
	head, err := json.Marshal(header{"RS256", s.kid, "JWT"})
	if err != nil {
		return "", fmt.Errorf("encode the token header: %w", err)
	}
	body, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("encode the claims: %w", err)
	}
	text := encodeSegment(head) + "." + encodeSegment(body)
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign the token: %w", err)
	}
	return text + "." + encodeSegment(sig), nil
}

var (
	errBadToken = errors.New("the token is not valid")
	errExpired  = errors.New("the token has expired")
)

// verify checks a token's form, algorithm, signature and times.
func (s *signer) verify(token string, now time.Time) (*claims, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || len(token) > 8192 || strings.ContainsAny(token, "\r\n") {
		return nil, errBadToken
	}
	var h header
	if err := decodeSegment(parts[0], &h); err != nil || h.Algorithm != "RS256" || h.KeyID != s.kid {
		return nil, errBadToken
	}
	sig, err := strict().DecodeString(parts[2])
	if err != nil {
		return nil, errBadToken
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(&s.key.PublicKey, crypto.SHA256, sum[:], sig); err != nil {
		return nil, errBadToken
	}
	var c claims
	if err := decodeSegment(parts[1], &c); err != nil {
		return nil, errBadToken
	}
	if now.Unix() < c.NotBefore {
		return nil, errBadToken
	}
	if now.Unix() >= c.Expires {
		return nil, errExpired
	}
	return &c, nil
}

// strict refuses what another encoder could have written for the same bytes, so that
// a token has one form only.
func strict() *base64.Encoding { return base64.RawURLEncoding.Strict() }

func decodeSegment(s string, into any) error {
	b, err := strict().DecodeString(s)
	if err != nil {
		return errBadToken
	}
	return json.Unmarshal(b, into)
}

// jwks is the public key as a JSON Web Key Set (RFC 7517).
func (s *signer) jwks() map[string]any {
	return map[string]any{"keys": []any{map[string]any{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": s.kid,
		"n": encodeSegment(s.key.N.Bytes()), "e": encodeSegment(big.NewInt(int64(s.key.E)).Bytes()),
	}}}
}
