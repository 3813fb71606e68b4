package main

import (
	"context"
	"errors"
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
	"simscim/internal/secret"
)

// targetOptions are what a target is made with beside its configuration.
type targetOptions struct {
	// store is the DSN of the store: a feed's file lies beside it.
	store   string
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
		Name: cfg.Name, Path: feedFile(o.store, cfg.Name), Key: key, Tokens: tokens, BasePath: cfg.Path, Now: o.now,
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

// feeds are the handlers of the feeds by the path that each is served below.
func (a *app) feeds() (map[string]http.Handler, error) {
	handlers := map[string]http.Handler{}
	var problems []error
	for name, t := range a.targets {
		f, ok := t.(*feed.Feed)
		if !ok {
			continue
		}
		path := strings.TrimRight(a.cfg.Targets[name].Path, "/")
		if handlers[path] != nil {
			problems = append(problems, fmt.Errorf("targets.%s.path: another feed is served there already", name))
			continue
		}
		h, err := f.Handler()
		if err != nil {
			problems = append(problems, err)
		}
		handlers[path] = h
	}
	return handlers, errors.Join(problems...)
}
