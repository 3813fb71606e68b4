package feed

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// before are proxies: one on this machine, a cluster's network, and a network of IPv6.
func before() proxies {
	return proxies{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:aa::/48")}
}

func TestCaller(t *testing.T) {
	t.Parallel()
	const proxy, okta = "10.1.2.3:4711", "192.0.2.7"
	for name, test := range map[string]struct {
		from string
		said []string
		want string
	}{
		"nobody before it":               {"192.0.2.7:99", nil, okta},
		"not a proxy, and says much":     {"192.0.2.7:99", []string{"198.51.100.1, 203.0.113.9"}, okta},
		"a proxy":                        {proxy, []string{okta}, okta},
		"a proxy that says nothing":      {proxy, nil, "10.1.2.3"},
		"a proxy that says little":       {proxy, []string{""}, "10.1.2.3"},
		"two proxies":                    {proxy, []string{okta + ", 10.9.9.9"}, okta},
		"two proxies, two lines":         {proxy, []string{okta, "10.9.9.9"}, okta},
		"what the client made up":        {proxy, []string{"198.51.100.1, 10.0.0.1, " + okta}, okta},
		"made up, in a line of its own":  {proxy, []string{"198.51.100.1", okta}, okta},
		"made up, and no address":        {proxy, []string{"<script>, unknown,,, " + okta}, okta},
		"proxies alone":                  {proxy, []string{"10.0.0.1, 10.0.0.2"}, "10.0.0.1"},
		"unknown":                        {proxy, []string{okta + ", unknown"}, "10.1.2.3"},
		"unknown before a proxy":         {proxy, []string{"unknown, 10.0.0.2"}, "10.0.0.2"},
		"nothing between commas":         {proxy, []string{okta + ","}, "10.1.2.3"},
		"with ports":                     {proxy, []string{"192.0.2.7:1, 10.0.0.2:65535"}, okta},
		"odd blanks":                     {proxy, []string{"\t" + okta + "\t ,10.0.0.2 "}, okta},
		"of IPv6 the network":            {proxy, []string{"2001:db8:1:2:3::4"}, "2001:db8:1:2::/64"},
		"of IPv6 with a port":            {proxy, []string{"[2001:db8:1:2:3::4]:443"}, "2001:db8:1:2::/64"},
		"with a zone":                    {proxy, []string{"fe80::1%eth0"}, "fe80::/64"},
		"IPv4 written as IPv6":           {"[::ffff:10.1.2.3]:1", []string{"::ffff:192.0.2.7"}, okta},
		"a proxy by IPv6":                {"[2001:db8:aa::1]:1", []string{okta}, okta},
		"a neighbour of a proxy by IPv6": {"[2001:db8:ab::1]:1", []string{okta}, "2001:db8:ab::/64"},
		"no end of proxies":              {proxy, []string{okta + strings.Repeat(", 10.0.0.9", 15)}, okta},
		"one too many":                   {proxy, []string{okta + strings.Repeat(", 10.0.0.9", 16)}, "10.0.0.9"},
		"a socket":                       {"@", []string{okta}, "@"},
	} {
		r := &http.Request{RemoteAddr: test.from, Header: http.Header{"X-Forwarded-For": test.said, "Forwarded": {"for=203.0.113.5"}}}
		if got := before().caller(r); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	r := &http.Request{RemoteAddr: proxy, Header: http.Header{"X-Forwarded-For": {okta}}}
	if got := proxies(nil).caller(r); got != "10.1.2.3" {
		t.Errorf("without proxies: %q", got)
	}
}

// Whatever a client sends, what the proxy adds decides.
func FuzzCaller(f *testing.F) {
	for _, s := range []string{"", "192.0.2.1", "10.0.0.1,10.0.0.2", "unknown", ", ,", "[::1]:1", strings.Repeat("10.0.0.1,", 2000)} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, said string, joined bool) {
		const proxy, client = "127.0.0.1:8443", "198.51.100.77"
		lines := []string{said, client}
		if joined {
			lines = []string{said + ", " + client}
		}
		r := &http.Request{RemoteAddr: proxy, Header: http.Header{"X-Forwarded-For": lines}}
		if got := before().caller(r); got != client {
			t.Errorf("%q is said to be %q", said, got)
		}
		r.Header["X-Forwarded-For"] = slices.Clone(lines[:1])
		r.RemoteAddr = client + ":1"
		if got := before().caller(r); got != client {
			t.Errorf("%q from the client itself: %q", said, got)
		}
	})
}
