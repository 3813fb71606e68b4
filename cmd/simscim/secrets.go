package main

import (
	"fmt"
	"maps"
	"slices"

	"simscim/config"
	"simscim/internal/secret"
)

// missingSecrets tries every reference that a whole source, target or notice depends on, and
// says of all at once which lead nowhere. Credentials of single schools are left to
// their schools: one that is missing stops one school, not all.
func missingSecrets(cfg *config.Config) []string {
	var missing []string
	look := func(path string, ref secret.Ref) {
		if _, err := ref.Resolve(); err != nil {
			missing = append(missing, fmt.Sprintf("%s: %v", path, err))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Sources)) {
		s, path := cfg.Sources[name], "sources."+name
		if s.Vendor != nil {
			look(path+".vendor.clientID", s.Vendor.ClientID)
			look(path+".vendor.clientSecret", s.Vendor.ClientSecret)
		}
		if a := s.Auth; a != nil {
			look(path+".auth.token", a.Token)
			look(path+".auth.clientID", a.ClientID)
			look(path+".auth.clientSecret", a.ClientSecret)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Targets)) {
		a, path := cfg.Targets[name].Auth, "targets."+name+".auth"
		look(path+".token", a.Token)
		look(path+".username", a.Username)
		look(path+".password", a.Password)
		look(path+".clientID", a.ClientID)
		look(path+".clientSecret", a.ClientSecret)
		look(path+".privateKey", a.PrivateKey)
		for i, token := range cfg.Targets[name].Tokens {
			look(fmt.Sprintf("targets.%s.tokens[%d]", name, i), token)
		}
		look("targets."+name+".key", cfg.Targets[name].Key)
	}
	for i, n := range cfg.Notices {
		path := fmt.Sprintf("notices[%d]", i)
		look(path+".url", n.URL)
		look(path+".token", n.Token)
		look(path+".username", n.Username)
		look(path+".password", n.Password)
	}
	return missing
}
