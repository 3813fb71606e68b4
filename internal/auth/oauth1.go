package auth

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // HMAC-SHA1 is what the older services ask for (RFC 5849 §3.4.2)
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"simscim/internal/secret"
)

// The signature methods of OAuth 1.0a. The second is not in RFC 5849, but is what
// OneRoster 1.1 asks for.
const (
	HMACSHA1   = "HMAC-SHA1"
	HMACSHA256 = "HMAC-SHA256"
)

// OAuth1 signs requests with a consumer's key and secret and no token, the so-called
// two-legged OAuth 1.0a (RFC 5849). It covers the query, but no form in the body.
type OAuth1 struct {
	ConsumerKey, ConsumerSecret secret.Ref
	// Method is HMACSHA1 or HMACSHA256; empty means the latter.
	Method string
	// Now is the clock for the timestamp, which services compare with their own.
	Now func() time.Time
	// Nonce returns a text that was never used before, such as 128 random bits in hex.
	Nonce func() string
}

// Sign sets the request's Authorization header. The secrets are read each time, so that
// rotated ones count at once.
func (o OAuth1) Sign(req *http.Request) error {
	key, err := resolve("consumer key", o.ConsumerKey)
	if err != nil {
		return err
	}
	consumerSecret, err := resolve("consumer secret", o.ConsumerSecret)
	if err != nil {
		return err
	}
	if strings.HasPrefix(req.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return errors.New("a form cannot be signed") // its fields would have to be covered
	}
	own := []param{
		{"oauth_consumer_key", key},
		{"oauth_nonce", o.Nonce()},
		{"oauth_signature_method", cmp.Or(o.Method, HMACSHA256)},
		{"oauth_timestamp", strconv.FormatInt(o.Now().Unix(), 10)},
		{"oauth_version", "1.0"},
	}
	signature, err := signature(req.Method, req.URL, own, consumerSecret, "")
	if err != nil {
		return err
	}
	var header strings.Builder
	for _, p := range append(own, param{"oauth_signature", signature}) {
		sep := ", "
		if header.Len() == 0 {
			sep = "OAuth "
		}
		fmt.Fprintf(&header, `%s%s="%s"`, sep, escape(p.name), escape(p.value))
	}
	req.Header.Set("Authorization", header.String())
	return nil
}

type param struct{ name, value string }

// signature of RFC 5849 §3.4.2: the key is both secrets, the text is the base string.
func signature(method string, u *url.URL, own []param, consumerSecret, tokenSecret string) (string, error) {
	var digest func() hash.Hash
	for _, p := range own {
		switch {
		case p.name != "oauth_signature_method":
		case p.value == HMACSHA1:
			digest = sha1.New
		case p.value == HMACSHA256:
			digest = sha256.New
		}
	}
	if digest == nil {
		return "", errors.New("the signature method of OAuth 1.0a is HMAC-SHA1 or HMAC-SHA256")
	}
	base, err := baseString(method, u, own)
	if err != nil {
		return "", err
	}
	mac := hmac.New(digest, []byte(escape(consumerSecret)+"&"+escape(tokenSecret)))
	mac.Write([]byte(base))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}

// baseString of RFC 5849 §3.4.1: method, address without query, and all parameters
// sorted by name and then value in their escaped form.
func baseString(method string, u *url.URL, own []param) (string, error) {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", errors.New("the query cannot be read")
	}
	var all []param
	for name, values := range query {
		for _, v := range values {
			all = append(all, param{escape(name), escape(v)})
		}
	}
	for _, p := range own {
		all = append(all, param{escape(p.name), escape(p.value)})
	}
	slices.SortFunc(all, func(a, b param) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.value, b.value)) })
	pairs := make([]string, len(all))
	for i, p := range all {
		pairs[i] = p.name + "=" + p.value
	}
	return strings.ToUpper(method) + "&" + escape(baseURI(u)) + "&" + escape(strings.Join(pairs, "&")), nil
}

// baseURI of RFC 5849 §3.4.1.2: scheme and host in lower case, and no port where it is
// the scheme's own.
func baseURI(u *url.URL) string {
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch scheme {
	case "http":
		host = strings.TrimSuffix(host, ":80")
	case "https":
		host = strings.TrimSuffix(host, ":443")
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	return scheme + "://" + host + path
}

// escape is the percent-encoding of RFC 5849 §3.6, which is stricter than a query's.
func escape(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}
