package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"go.uber.org/zap"

	"simscim/config"
	"simscim/connector/ledger"
	"simscim/connector/target"
	"simscim/connector/target/entra"
	"simscim/connector/target/feed"
	"simscim/connector/target/generic"
	"simscim/connector/target/okta"
	"simscim/console"
	"simscim/internal/secret"
)

// targetOptions are what a target is made with beside its configuration.
type targetOptions struct {
	// store is the DSN of the store: a feed's file lies beside it.
	store string
	// feeds says where feeds are served; a configuration with a feed has it.
	feeds   *config.Feeds
	ledger  ledger.Ledger
	now     func() time.Time
	log     *zap.Logger
	observe func(route string, status int, took time.Duration)
}

// newTarget makes the target that the configuration names.
func newTarget(ctx context.Context, cfg *config.Target, o targetOptions) (target.Target, error) {
	switch cfg.Type {
	case "entra-inbound":
		return entra.New(cfg, entra.Options{Now: o.now, Log: o.log, Observe: o.observe, Counter: o.ledger})
	case "okta-identity-source":
		return okta.New(cfg, okta.Options{Now: o.now, Log: o.log, Observe: o.observe})
	case "scim-feed":
		return openFeed(ctx, cfg, o)
	default:
		g := generic.Options{Now: o.now, Log: o.log, Observe: o.observe}
		switch cfg.Auth.Type {
		case "secret", "certificate", "managed-identity", "workload-identity":
			var err error
			if g.Authorize, err = entra.SignIn(cfg, entra.Options{Now: o.now, Log: o.log}); err != nil {
				return nil, fmt.Errorf("target %s: auth: %w", cfg.Name, err)
			}
		}
		return generic.New(cfg, g)
	}
}

func openFeed(ctx context.Context, cfg *config.Target, o targetOptions) (*feed.Feed, error) {
	key, err := cfg.Key.Resolve()
	if err != nil {
		return nil, fmt.Errorf("target %s: key: %w", cfg.Name, err)
	}
	var tokens []secret.Value
	for _, ref := range cfg.Tokens {
		token, err := ref.Resolve()
		if err != nil {
			return nil, fmt.Errorf("target %s: tokens: %w", cfg.Name, err)
		}
		tokens = append(tokens, token)
	}
	return feed.Open(ctx, feed.Options{
		Name: cfg.Name, Path: feedFile(o.store, cfg.Name), Key: key, Tokens: tokens, Now: o.now,
		BasePath: cfg.Path, BaseURL: strings.TrimRight(o.feeds.URL, "/") + cfg.Path, Proxies: o.feeds.Networks(),
		Report: func(err error) { o.log.Error("serve a feed", zap.String("target", cfg.Name), zap.Error(err)) },
	})
}

// feedFile is the file of a feed, beside the store: simscim.db has simscim-feed-NAME.db.
func feedFile(dsn, name string) string {
	path := strings.TrimPrefix(dsn, "file:")
	path, _, _ = strings.Cut(path, "?")
	ext := filepath.Ext(path)
	return strings.TrimSuffix(path, ext) + "-feed-" + name + ext
}

// feedServer serves the feeds at their own address; without feeds it is nil.
func (a *app) feedServer() (*console.Server, error) {
	handlers := map[string]http.Handler{}
	for name, t := range a.targets {
		if f, ok := t.(*feed.Feed); ok {
			h, err := f.Handler()
			if err != nil {
				return nil, err
			}
			handlers[a.cfg.Targets[name].Path] = h
		}
	}
	if len(handlers) == 0 {
		return nil, nil
	}
	cfg := a.cfg.Run.Feeds
	s := &console.Server{Name: "feeds", Addr: cfg.Listen, Handler: console.Feeds(handlers), Log: a.log}
	if cfg.TLS != nil {
		var err error
		if s.Certificate, err = console.OpenCertificate(cfg.TLS.CertFile, cfg.TLS.KeyFile, a.log); err != nil {
			return nil, fmt.Errorf("run.feeds.tls: %w", err)
		}
	}
	return s, nil
}
