package okta_test

import (
	"crypto/rsa"
	"errors"
	"strings"
	"testing"
	"time"

	"simscim/config"
	"simscim/connector/target"
	"simscim/connector/target/okta"
	"simscim/internal/auth/keytest"
	"simscim/internal/secret/secrettest"
	sandbox "simscim/sandbox/okta"
)

// serviceApp sets up signing in with a key.
func serviceApp(t *testing.T, registered *rsa.PublicKey, key string, scopes ...string) func(o *sandbox.Options, c *config.Target) {
	return func(o *sandbox.Options, c *config.Target) {
		o.Key, o.ClientID = registered, "0oaschools"
		if len(scopes) > 0 {
			o.Scopes = scopes
		}
		c.Auth = config.TargetAuth{
			Type: "private-key-jwt", ClientID: secrettest.File(t, "0oaschools"), PrivateKey: secrettest.File(t, key), KeyID: "k1",
		}
	}
}

func TestServiceApp(t *testing.T) {
	t.Parallel()
	key := keytest.New(t)
	b := setup(t, serviceApp(t, &key.PublicKey, keytest.PEM(t, key)))
	b.done(users(3)...)
	if n := b.org.Requests().Tokens; n != 1 {
		t.Errorf("%d tokens for one session", n)
	}
	// A token that ended, or was taken back, is replaced by another.
	b.clock.Wait(t.Context(), 2*time.Hour)
	b.done(users(5)...)
	b.org.ExpireTokens()
	b.done(users(7)...)
	if n := b.org.Requests().Tokens; n != 3 {
		t.Errorf("%d tokens, want 3", n)
	}
}

func TestSignInRefused(t *testing.T) {
	t.Parallel()
	key, other := keytest.New(t), keytest.New(t)
	tests := map[string]struct {
		change func(o *sandbox.Options, c *config.Target)
		says   string
	}{
		"another key": {serviceApp(t, &key.PublicKey, keytest.PEM(t, other)), "privateKey"},
		"no key":      {serviceApp(t, &key.PublicKey, "-----BEGIN nothing-----"), "PEM"},
		"not granted": {serviceApp(t, &key.PublicKey, keytest.PEM(t, key), sandbox.ScopeRead), sandbox.ScopeManage},
		"other token": {func(_ *sandbox.Options, c *config.Target) {
			c.Auth = config.TargetAuth{Type: "ssws", Token: secrettest.File(t, "00wrong")}
		}, "401"},
		"empty secret": {func(_ *sandbox.Options, c *config.Target) {
			c.Auth = config.TargetAuth{Type: "ssws", Token: secrettest.File(t, "")}
		}, "empty"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, test.change)
			if _, err := b.target.Capabilities(t.Context()); !target.CredentialsRefused(err) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("capabilities: %v", err)
			}
			if err := b.apply(user(1)); !target.CredentialsRefused(err) || len(b.got) != 0 {
				t.Errorf("apply: %v, %d outcomes", err, len(b.got))
			}
			if n := b.org.Requests(); n.Loads != 0 {
				t.Errorf("%d loads were sent", n.Loads)
			}
		})
	}
}

func TestBadConfiguration(t *testing.T) {
	t.Parallel()
	good := config.Target{Name: "okta", URL: "https://trust.okta.example", Source: "0oa1", Auth: config.TargetAuth{Type: "ssws"}}
	for name, change := range map[string]func(c *config.Target){
		"no source":       func(c *config.Target) { c.Source = "" },
		"no address":      func(c *config.Target) { c.URL = "trust" },
		"query":           func(c *config.Target) { c.URL += "?a=b" },
		"another sign-in": func(c *config.Target) { c.Auth.Type = "basic" },
		"no authorities":  func(c *config.Target) { c.CAFile = "/nowhere" },
	} {
		c := good
		change(&c)
		if _, err := okta.New(&c, okta.Options{}); err == nil || !strings.HasPrefix(err.Error(), "target okta: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := okta.New(&good, okta.Options{}); err != nil {
		t.Error(err)
	}
}

// A source that is not there looks like users who are not there, and is told apart.
func TestNoSuchSource(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	tgt, err := okta.New(&config.Target{
		Name: "okta", URL: b.url, Source: "0oaelsewhere", Auth: config.TargetAuth{Type: "ssws", Token: secrettest.File(t, b.org.Token())},
	}, okta.Options{Now: b.clock.Now, Wait: b.clock.Wait, MinWait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := tgt.Get(t.Context(), "User", "k", nil); err == nil {
		t.Error("a user of no source is not there")
	}
	if _, err := tgt.Capabilities(t.Context()); err == nil || errors.Is(err, target.ErrCredentials) {
		t.Errorf("got %v", err)
	}
}
