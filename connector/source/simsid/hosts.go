package simsid

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"simscim/config"
	"simscim/internal/httpx"
)

// oneRosterRoot is where version 1.1 stands on the vendor's OneRoster host.
const oneRosterRoot = "/ims/oneroster/v1p1"

// hosts are the base URLs of one environment's services.
type hosts struct{ sts, management, provisioning, oneroster string }

// environments are the vendor's own hosts, and the sandbox's. Vendor management is
// served by the provisioning host.
func environments() map[string]hosts {
	return map[string]hosts{
		"live": {
			sts:          "https://sts.sims.co.uk",
			management:   "https://rap.sims.co.uk",
			provisioning: "https://rap.sims.co.uk",
			oneroster:    "https://oneroster.sims.co.uk" + oneRosterRoot,
		},
		"partner": {
			sts:          "https://simsid-partner-stsserver.azurewebsites.net",
			management:   "https://simsid-partner-rapapi.azurewebsites.net",
			provisioning: "https://simsid-partner-rapapi.azurewebsites.net",
			oneroster:    "https://simsid-partner-oneroster.azurewebsites.net" + oneRosterRoot,
		},
		"sandbox": {
			sts:          "http://127.0.0.1:8467/sts",
			management:   "http://127.0.0.1:8467/management",
			provisioning: "http://127.0.0.1:8467/provisioning",
			oneroster:    "http://127.0.0.1:8467/oneroster" + oneRosterRoot,
		},
	}
}

func hostsOf(cfg *config.Source) (hosts, error) {
	if cfg.Environment != "custom" {
		if cfg.STS != "" || cfg.Provisioning != "" || cfg.Management != "" || cfg.OneRoster != "" {
			return hosts{}, fmt.Errorf("sts, provisioning, oneroster and management may only be set with environment custom, not %s", cfg.Environment)
		}
		h, ok := environments()[cfg.Environment]
		if !ok {
			return hosts{}, fmt.Errorf("the environment %q is not known", cfg.Environment)
		}
		return h, nil
	}
	h := hosts{sts: cfg.STS, management: cfg.Management, provisioning: cfg.Provisioning, oneroster: cfg.OneRoster}
	data, name := h.provisioning, "provisioning"
	if cfg.API == oneRosterAPI {
		data, name = h.oneroster, "oneroster"
	}
	if h.sts == "" || data == "" {
		return hosts{}, fmt.Errorf("environment custom needs sts and %s", name)
	}
	if cfg.Vendor != nil && h.management == "" {
		return hosts{}, fmt.Errorf("environment custom needs management to find schools by vendor management")
	}
	return h, h.check()
}

// check keeps the live service and the partner platform apart: a token of the one
// never goes to the other.
func (h hosts) check() error {
	seen := map[string]bool{}
	for _, raw := range []string{h.sts, h.management, h.provisioning, h.oneroster} {
		if raw == "" {
			continue
		}
		u, err := url.Parse(raw)
		if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || (u.Scheme != "http" && u.Scheme != "https") {
			return fmt.Errorf("the URLs of a custom environment must be http or https addresses without user or query")
		}
		if env := environmentOf(u.Hostname()); env != "" {
			seen[env] = true
		}
	}
	if len(seen) > 1 {
		return fmt.Errorf("live and partner hosts are mixed: a token of the one is worth nothing at the other")
	}
	return nil
}

// environmentOf names the environment that a host is known to belong to, or "".
func environmentOf(host string) string {
	host = strings.ToLower(host)
	switch {
	case host == "sims.co.uk" || strings.HasSuffix(host, ".sims.co.uk"):
		return "live"
	case strings.HasPrefix(host, "simsid-partner-") && strings.HasSuffix(host, ".azurewebsites.net"):
		return "partner"
	default:
		return ""
	}
}

// environment is the one that the hosts are known to belong to, or "".
func (h hosts) environment() string {
	if u, err := url.Parse(h.sts); err == nil {
		return environmentOf(u.Hostname())
	}
	return ""
}

// plain tells whether some service is spoken to without TLS on another machine.
func (h hosts) plain() bool {
	return slices.ContainsFunc([]string{h.sts, h.management, h.provisioning, h.oneroster}, httpx.Unprotected)
}
