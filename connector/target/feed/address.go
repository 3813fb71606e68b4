package feed

import (
	"net/http"
	"net/netip"
	"strings"
)

// maxHops is through how many proxies, one behind the other, a request is followed back.
const maxHops = 16

// proxies are the networks that are believed when they say whom a request comes from.
type proxies []netip.Prefix

func (p proxies) trust(at netip.Addr) bool {
	for _, network := range p {
		if network.Contains(at) {
			return true
		}
	}
	return false
}

// caller is under what the failed sign-ins of a request are counted: the nearest address
// that is not one of the proxies. Each proxy adds to the end of X-Forwarded-For whom it
// got the request from, so that is read backwards. What stands before an address that is
// not believed, or before what is no address, may be made up and is not looked at.
func (p proxies) caller(r *http.Request) string {
	at, ok := address(r.RemoteAddr)
	if !ok {
		return r.RemoteAddr
	}
	said := strings.Join(r.Header.Values("X-Forwarded-For"), ",")
	for range maxHops {
		if said == "" || !p.trust(at) {
			break
		}
		i := strings.LastIndexByte(said, ',')
		before, ok := address(said[i+1:])
		if !ok {
			break
		}
		at, said = before, said[:max(i, 0)]
	}
	return neighbourhood(at)
}

// address reads an address that may have a port.
func address(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	at, err := netip.ParseAddr(s)
	if err != nil {
		var withPort netip.AddrPort
		withPort, err = netip.ParseAddrPort(s)
		at = withPort.Addr()
	}
	return at.Unmap().WithZone(""), err == nil
}

// neighbourhood is the address itself, and of IPv6 the /64: one machine has all the
// addresses in it.
func neighbourhood(at netip.Addr) string {
	if at.Is6() {
		if prefix, err := at.Prefix(64); err == nil {
			return prefix.String()
		}
	}
	return at.String()
}
