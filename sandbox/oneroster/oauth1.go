package oneroster

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // HMAC-SHA1 is what OAuth 1.0a has
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"simscim/sandbox/simsid"
)

// signatureWindow is how far a signature's clock may be from ours.
const signatureWindow = 5 * time.Minute

// nonces remembers those seen within the window: a signed request holds once.
type nonces struct {
	mu   sync.Mutex
	seen map[string]time.Time
	// full is how many there may be before old ones are looked for.
	full int
}

func (n *nonces) fresh(nonce string, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.seen == nil {
		n.seen = map[string]time.Time{}
	}
	if len(n.seen) > n.full {
		maps.DeleteFunc(n.seen, func(_ string, at time.Time) bool { return now.Sub(at) > 2*signatureWindow })
		n.full = max(1000, 2*len(n.seen))
	}
	_, seen := n.seen[nonce]
	n.seen[nonce] = now
	return !seen
}

type parameter struct{ name, value string }

// oauth1 checks a request signed without a token (RFC 5849 §3): 400 for parameters
// that are missing, doubled or unknown, 401 for a key, time, nonce or signature that is
// not good. 0 is good.
func (c *call) oauth1() int {
	params, ok := oauthParameters(c.r)
	if !ok {
		return http.StatusBadRequest
	}
	get := map[string]string{}
	for _, p := range params {
		if !strings.HasPrefix(p.name, "oauth_") {
			continue
		}
		if _, twice := get[p.name]; twice {
			return http.StatusBadRequest
		}
		get[p.name] = p.value
	}
	for _, name := range []string{"oauth_consumer_key", "oauth_signature_method", "oauth_timestamp", "oauth_nonce", "oauth_signature"} {
		if get[name] == "" {
			return http.StatusBadRequest
		}
	}
	method, known := map[string]func() hash.Hash{"HMAC-SHA1": sha1.New, "HMAC-SHA256": sha256.New}[get["oauth_signature_method"]]
	seconds, err := strconv.ParseInt(get["oauth_timestamp"], 10, 64)
	if !known || err != nil || get["oauth_version"] != "" && get["oauth_version"] != "1.0" {
		return http.StatusBadRequest
	}
	now := c.now()
	off := now.Sub(time.Unix(seconds, 0)).Abs()
	if get["oauth_consumer_key"] != c.Service.district.ClientID || get["oauth_token"] != "" || off > signatureWindow {
		return http.StatusUnauthorized
	}
	want := signature(method, c.Service.district.ClientSecret.Reveal(), baseString(c.r.Method, simsid.Base(c.r)+c.r.URL.EscapedPath(), params))
	if !hmac.Equal([]byte(want), []byte(get["oauth_signature"])) || !c.nonces.fresh(get["oauth_timestamp"]+" "+get["oauth_nonce"], now) {
		return http.StatusUnauthorized
	}
	return 0
}

// oauthParameters are those of the header, without the realm, and of the query.
func oauthParameters(r *http.Request) ([]parameter, bool) {
	var out []parameter
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "OAuth") {
		for part := range strings.SplitSeq(rest, ",") {
			name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
			value, quoted := strings.CutPrefix(value, `"`)
			value, ended := strings.CutSuffix(value, `"`)
			name, err1 := url.PathUnescape(name)
			value, err2 := url.PathUnescape(value)
			if !ok || !quoted || !ended || err1 != nil || err2 != nil {
				return nil, false
			}
			if name != "realm" {
				out = append(out, parameter{name, value})
			}
		}
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	for name, values := range query {
		for _, value := range values {
			out = append(out, parameter{name, value})
		}
	}
	return out, err == nil
}

// baseString is what is signed (RFC 5849 §3.4.1). at has neither query nor fragment.
func baseString(method, at string, params []parameter) string {
	var pairs []parameter
	for _, p := range params {
		if p.name != "oauth_signature" {
			pairs = append(pairs, parameter{encode(p.name), encode(p.value)})
		}
	}
	slices.SortFunc(pairs, func(x, y parameter) int { return cmp.Or(cmp.Compare(x.name, y.name), cmp.Compare(x.value, y.value)) })
	texts := make([]string, len(pairs))
	for i, p := range pairs {
		texts[i] = p.name + "=" + p.value
	}
	return strings.ToUpper(method) + "&" + encode(at) + "&" + encode(strings.Join(texts, "&"))
}

func signature(method func() hash.Hash, consumerSecret, base string) string {
	mac := hmac.New(method, []byte(encode(consumerSecret)+"&"))
	mac.Write([]byte(base))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// encode escapes all but the unreserved characters (RFC 5849 §3.6).
func encode(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}
