package httpx

import (
	"net"
	"net/url"
)

// Unprotected tells whether what is sent to the address crosses a network without TLS:
// it is http, and not on this machine.
func Unprotected(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())
}
