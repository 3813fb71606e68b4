package config

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // time zones are checked here, and a minimal container has none

	"filippo.io/age"
	"github.com/google/uuid"
)

// looseFormat takes any scalar as its text, and an empty one too.
const looseFormat = "loose"

// checkFormat tells what is wrong with a text of the given form, if anything. A URL or
// a DSN may carry a password and is not repeated.
func checkFormat(format, s string) string {
	switch format {
	case "url":
		return checkURL(s)
	case "guid":
		if len(s) != 36 || uuid.Validate(s) != nil {
			return "must be a GUID, such as 3b1e2f64-9c0d-4c3e-8a51-0f6f0d7c9b12"
		}
	case "dfe":
		if normaliseDfE(s) == "" {
			return `must be a DfE number of seven digits, such as "123/4567"`
		}
	case "zone":
		return checkZone(s)
	case "address":
		return checkAddress(s)
	case "network":
		return checkNetwork(s)
	case "route":
		return checkRoute(s)
	case "date":
		if _, err := time.Parse(time.DateOnly, s); err != nil {
			return "must be a day, such as 2027-09-30"
		}
	case "age":
		return checkRecipient(s)
	case "dsn":
		if path, ok := strings.CutPrefix(s, "file:"); !ok || path == "" {
			return `must be "file:" and a path, such as file:simscim.db`
		}
	}
	return ""
}

func checkURL(s string) string {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || u.Opaque != "":
		return "must be a URL, such as https://idp.example/scim/v2"
	case u.User != nil:
		return "a URL must not hold a user name or password; secrets are references of their own"
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(s, "#"):
		return `a URL must not have a part that begins with "?" or "#"`
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return ""
	case u.Scheme == "http":
		return "must begin with https://; http:// is allowed for this machine only (localhost, 127.0.0.1)"
	default:
		return "must begin with https://"
	}
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.IsLoopback()
}

func checkZone(s string) string {
	if s == "Local" {
		return "must name a time zone, such as Europe/London; Local differs from machine to machine"
	}
	if _, err := time.LoadLocation(s); err != nil {
		return quote(s) + " is not a known time zone; one is Europe/London"
	}
	return ""
}

func checkAddress(s string) string {
	_, port, err := net.SplitHostPort(s)
	if n, errPort := strconv.Atoi(port); err != nil || errPort != nil || n < 0 || n > 65535 {
		return `must be an address and a port, such as 127.0.0.1:8080 or :8080`
	}
	return ""
}

func checkNetwork(s string) string {
	network, err := readNetwork(s)
	switch {
	case err != nil, network.Addr().Is4In6():
		return "must be an address or a network, such as 10.0.0.7, 10.42.0.0/16 or 2001:db8::/32"
	case network.Bits() == 0:
		return "this network is the whole Internet, where anybody would be believed"
	default:
		return ""
	}
}

// checkRoute allows in the path of a feed what no reader and no proxy takes amiss.
func checkRoute(s string) string {
	for part := range strings.SplitSeq(strings.TrimPrefix(s, "/"), "/") {
		plain := strings.TrimFunc(part, func(r rune) bool { return isLetterOrDigit(r) || r == '-' }) == ""
		if !strings.HasPrefix(s, "/") || part == "" || !plain {
			return "must be a path of letters, digits and -, such as /feeds/okta; Okta takes no underscore"
		}
	}
	return ""
}

func checkRecipient(s string) string {
	if strings.HasPrefix(strings.ToUpper(s), "AGE-SECRET-KEY-") {
		return "this is the secret half of a key, which must be kept elsewhere; the public half begins with age1"
	}
	if keys, err := age.ParseRecipients(strings.NewReader(s)); err != nil || len(keys) != 1 {
		return "must be an age public key, which begins with age1"
	}
	return ""
}

// isName tells whether s may name a source, a target or a mapping: such names become
// part of metrics and of the store.
func isName(s string) bool {
	const longest = 64
	for i, r := range s {
		if !isLetterOrDigit(r) && (i == 0 || r != '-' && r != '_') {
			return false
		}
	}
	return s != "" && len(s) <= longest
}

// isIdentifier tells whether rules can write site.vars.s.
func isIdentifier(s string) bool {
	for i, r := range s {
		digit := r >= '0' && r <= '9'
		if !isLetterOrDigit(r) && r != '_' || i == 0 && digit {
			return false
		}
	}
	return s != ""
}

func isLetterOrDigit(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// normaliseDfE returns the seven digits of a DfE number in any of its usual forms, or
// "". The roster has the same; this package stands below it and imports nothing of it.
func normaliseDfE(s string) string {
	digits := strings.NewReplacer("/", "", "-", "", " ", "").Replace(s)
	if len(digits) != 7 || strings.Trim(digits, "0123456789") != "" {
		return ""
	}
	return digits
}
