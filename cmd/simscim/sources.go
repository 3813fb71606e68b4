package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"go.uber.org/zap"

	"simscim/config"
	"simscim/connector/source"
	"simscim/connector/source/oneroster"
	"simscim/connector/source/oneroster/csv"
	"simscim/connector/source/oneroster/rest"
	"simscim/connector/source/simsid"
	"simscim/internal/auth"
)

// sourceOptions are what every source needs besides its configuration.
type sourceOptions struct {
	// want is what the rules use of all schools of the source.
	want    source.Want
	now     func() time.Time
	log     *zap.Logger
	observe func(route string, status int, took time.Duration)
}

// newSource makes the source of the configured type.
func newSource(cfg *config.Source, o sourceOptions) (source.Source, error) {
	switch cfg.Type {
	case "oneroster":
		return newOneRoster(cfg, o)
	case "oneroster-csv":
		return csv.New(csv.Options{Name: cfg.Name, Path: cfg.Path, Want: o.want, Rules: oneroster.Configured(cfg.Derive, o.now), Now: o.now, Log: o.log})
	default:
		return simsid.New(cfg, simsid.Options{Now: o.now, Log: o.log, Observe: o.observe})
	}
}

// tokenTimeout is how long a token service may take to answer.
const tokenTimeout = 30 * time.Second

func newOneRoster(cfg *config.Source, o sourceOptions) (source.Source, error) {
	opts := rest.Options{
		Name: cfg.Name, BaseURL: cfg.URL, Version: cfg.Version,
		Limits: rest.Limits{PerSecond: cfg.Limits.PerSecond, InFlight: cfg.Limits.InFlight},
		Rules:  oneroster.Configured(cfg.Derive, o.now), Now: o.now, Log: o.log, Observe: o.observe,
	}
	switch a := cfg.Auth; a.Type {
	case "bearer":
		opts.Authorize = auth.Bearer(a.Token)
	case "oauth2":
		client, err := auth.NewHTTP("", tokenTimeout)
		if err != nil {
			return nil, fmt.Errorf("source %s: %w", cfg.Name, err)
		}
		scope := a.Scope
		if scope == "" {
			scope = rest.DefaultScope(cfg.Version)
		}
		opts.Authorize = auth.OAuth2(auth.ClientCredentials{
			TokenURL: a.TokenURL, ClientID: a.ClientID, ClientSecret: a.ClientSecret, Scope: scope, InBody: a.Style == "body", HTTP: client,
		})
	case "oauth1":
		opts.Sign = oauth1(a).Sign
	}
	return rest.New(opts)
}

// oauth1 signs by real time: the service compares it with its own clock.
func oauth1(a *config.SourceAuth) auth.OAuth1 {
	return auth.OAuth1{
		ConsumerKey: a.ClientID, ConsumerSecret: a.ClientSecret, Method: a.Signature, Now: time.Now,
		Nonce: func() string {
			var b [16]byte
			_, _ = rand.Read(b[:]) // never fails, see crypto/rand
			return hex.EncodeToString(b[:])
		},
	}
}
