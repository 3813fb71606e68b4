package config

import (
	"errors"
	"net/netip"
	"strings"
)

// Networks are the proxies as networks; an address is a network of one. Loading has
// checked them.
func (f *Feeds) Networks() []netip.Prefix {
	var all []netip.Prefix
	for _, s := range f.Proxies {
		if network, err := readNetwork(s); err == nil {
			all = append(all, network)
		}
	}
	return all
}

func readNetwork(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		return netip.ParsePrefix(s)
	}
	at, err := netip.ParseAddr(s)
	if err == nil && at.Zone() != "" {
		err = errors.New("a zone means something on one machine only")
	}
	if err != nil {
		return netip.Prefix{}, err
	}
	return at.Prefix(at.BitLen())
}
