package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"simscim/config"
	"simscim/connector/target"
	"simscim/internal/secret"
	"simscim/internal/secret/secrettest"
)

// A feed with a certificate is served by HTTPS, and its locations are those of the outside.
func TestFeedServerBringsTLS(t *testing.T) {
	t.Parallel()
	const token = "a token of the importer"
	dir := t.TempDir()
	trusting := httptest.NewTLSServer(http.NotFoundHandler()) // it has a certificate for loopback, and a client that trusts it
	t.Cleanup(trusting.Close)
	pair := trusting.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	tls := &config.FeedsTLS{CertFile: filepath.Join(dir, "tls.crt"), KeyFile: filepath.Join(dir, "tls.key")}
	for path, block := range map[string]*pem.Block{
		tls.CertFile: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, tls.KeyFile: {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	okta := &config.Target{
		Name: "okta", Type: "scim-feed", Path: "/feeds/okta",
		Key: secrettest.File(t, strings.Repeat("0f", 32)), Tokens: []secret.Ref{secrettest.File(t, token)},
	}
	cfg := &config.Config{Targets: map[string]*config.Target{"okta": okta}}
	cfg.Run.Feeds = &config.Feeds{Listen: "127.0.0.1:0", URL: "https://scim.trust.example/", TLS: tls}
	feed, err := openFeed(t.Context(), okta, targetOptions{store: "file:" + filepath.Join(dir, "s.db"), feeds: cfg.Run.Feeds, now: time.Now, log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = feed.Close() })
	server, err := (&app{cfg: cfg, log: zap.NewNop(), targets: map[string]target.Target{"okta": feed}}).feedServer()
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, ln) }()

	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+ln.Addr().String()+"/feeds/okta/ServiceProviderConfig", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := trusting.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		t.Error(err)
	}
	if want := `"https://scim.trust.example/feeds/okta/ServiceProviderConfig"`; resp.StatusCode != http.StatusOK || !strings.Contains(string(answer), want) {
		t.Errorf("%d without %s: %s", resp.StatusCode, want, answer)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// Without a feed there is no server for feeds, whatever run.feeds says.
func TestNoFeedNoServer(t *testing.T) {
	t.Parallel()
	server, err := (&app{cfg: &config.Config{}, log: zap.NewNop()}).feedServer()
	if server != nil || err != nil {
		t.Errorf("%v, %v", server, err)
	}
}
