package entra

import (
	"net/http"
	"strings"
)

// serveDiscovery tells where to sign in (OpenID Connect Discovery 1.0 §4), which is what
// Microsoft's libraries ask first. The addresses are https whatever this was asked by:
// those libraries take nothing else.
func (s *Service) serveDiscovery(w http.ResponseWriter, r *http.Request, tenant string) {
	if !strings.EqualFold(tenant, s.options.Tenant) {
		s.writeDenial(w, deny(http.StatusBadRequest, "invalid_tenant", 90002, "Tenant '"+tenant+"' not found."))
		return
	}
	at := "https://" + r.Host + "/" + s.options.Tenant
	writeJSON(w, http.StatusOK, map[string]string{
		"issuer": at + "/v2.0", "authorization_endpoint": at + "/oauth2/v2.0/authorize", "token_endpoint": at + "/oauth2/v2.0/token",
	})
}

// resourceOf is what a ".default" scope is for. The scopes of OpenID Connect, which
// Microsoft's libraries add to every request, change nothing.
func resourceOf(scope string) (resource string, isDefault bool) {
	for name := range strings.FieldsSeq(scope) {
		switch name {
		case "openid", "offline_access", "profile":
			continue
		}
		var ok bool
		if resource, ok = strings.CutSuffix(name, "/.default"); !ok || isDefault {
			return "", false
		}
		isDefault = true
	}
	return resource, isDefault
}
