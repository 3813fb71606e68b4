package generic

import (
	"simscim/config"
	"simscim/scim/profile"
)

// NewUnhurried is New without the provider's limits on calls, which would stretch a test
// to hours.
func NewUnhurried(cfg *config.Target, o Options) (*Target, error) {
	p, _ := profile.Named(cfg.Profile)
	p.Rate = profile.Rate{}
	return with(p, cfg, o)
}
