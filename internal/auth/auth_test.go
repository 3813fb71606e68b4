package auth_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"simscim/internal/auth"
	"simscim/internal/secret"
)

func file(t *testing.T, content string) (secret.Ref, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	write(t, path, content)
	ref, err := secret.ParseRef("file:" + path)
	if err != nil {
		t.Fatal(err)
	}
	return ref, path
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, a auth.Authorize, stale, value string) {
	t.Helper()
	got, err := a(t.Context(), stale)
	if err != nil {
		t.Fatal(err)
	}
	if got != value {
		t.Fatalf("Authorization is %q, want %q", got, value)
	}
}

func TestBearerReadsARotatedFileAfterARefusal(t *testing.T) {
	t.Parallel()
	ref, path := file(t, "one\n")
	a := auth.Bearer(ref)
	want(t, a, "", "Bearer one")
	write(t, path, "two\n")
	want(t, a, "", "Bearer one") // good until it is refused
	want(t, a, "Bearer one", "Bearer two")
	want(t, a, "Bearer one", "Bearer two") // a late refusal of the old one reads nothing
}

func TestBasic(t *testing.T) {
	t.Parallel()
	user, _ := file(t, "sync")
	pass, _ := file(t, "pä:ss")
	want(t, auth.Basic(user, pass), "", "Basic "+base64.StdEncoding.EncodeToString([]byte("sync:pä:ss")))
}

func TestMissingAndMalformedSecrets(t *testing.T) {
	t.Parallel()
	broken, _ := file(t, "half\nCANARY")
	absent, err := secret.ParseRef("file:/nonexistent/simscim-token")
	if err != nil {
		t.Fatal(err)
	}
	for name, a := range map[string]auth.Authorize{
		"none":       auth.Bearer(secret.Ref{}),
		"absent":     auth.Bearer(absent),
		"line break": auth.Bearer(broken),
		"basic":      auth.Basic(broken, broken),
		"oauth2":     auth.OAuth2(auth.ClientCredentials{ClientID: broken, ClientSecret: broken}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := a(t.Context(), "")
			if err == nil || got != "" {
				t.Fatalf("got %q and %v, want an error", got, err)
			}
			if strings.Contains(err.Error(), "CANARY") {
				t.Errorf("the error repeats the secret: %v", err)
			}
		})
	}
}

// tokens is a token service that counts and numbers what it gives out.
type tokens struct {
	*httptest.Server
	given atomic.Int64
	delay time.Duration
}

func newTokens(t *testing.T, answer http.HandlerFunc) *tokens {
	t.Helper()
	s := &tokens{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answer != nil {
			answer(w, r)
			return
		}
		id, key, ok := r.BasicAuth()
		if !ok || id != "client" || !strings.HasPrefix(key, "key") || r.FormValue("grant_type") != "client_credentials" {
			http.Error(w, `{"error":"invalid_client"}`, http.StatusUnauthorized)
			return
		}
		time.Sleep(s.delay)
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"access_token": fmt.Sprintf("%s-%d", key, s.given.Add(1)), "token_type": "bearer", "expires_in": 3600,
		})
	}))
	t.Cleanup(s.Close)
	return s
}

func client(t *testing.T, s *tokens, key secret.Ref) auth.Authorize {
	t.Helper()
	id, _ := file(t, "client")
	hc, err := auth.NewHTTP("", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hc.CloseIdleConnections)
	return auth.OAuth2(auth.ClientCredentials{TokenURL: s.URL, ClientID: id, ClientSecret: key, Scope: "a b", HTTP: hc})
}

func TestOAuth2FetchesOnceAndRenewsAfterARefusal(t *testing.T) {
	t.Parallel()
	s := newTokens(t, nil)
	key, path := file(t, "key1")
	a := client(t, s, key)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { want(t, a, "", "Bearer key1-1") })
	}
	wg.Wait()
	write(t, path, "key2")
	want(t, a, "Bearer key1-1", "Bearer key2-2")
	want(t, a, "Bearer key1-1", "Bearer key2-2")
	if n := s.given.Load(); n != 2 {
		t.Errorf("%d tokens were fetched, want 2", n)
	}
}

func TestOAuth2InBody(t *testing.T) {
	t.Parallel()
	s := newTokens(t, func(w http.ResponseWriter, r *http.Request) {
		if _, _, basic := r.BasicAuth(); basic || r.PostFormValue("client_id") != "client" || r.PostFormValue("client_secret") != "key" {
			t.Error("the client is not in the form alone")
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"access_token":"a","token_type":"bearer","expires_in":3600}`)
	})
	id, _ := file(t, "client")
	key, _ := file(t, "key")
	hc, err := auth.NewHTTP("", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hc.CloseIdleConnections)
	want(t, auth.OAuth2(auth.ClientCredentials{TokenURL: s.URL, ClientID: id, ClientSecret: key, InBody: true, HTTP: hc}), "", "Bearer a")
}

func TestOAuth2SurvivesACancelledCall(t *testing.T) {
	t.Parallel()
	s := newTokens(t, nil)
	s.delay = 100 * time.Millisecond
	key, _ := file(t, "key")
	a := client(t, s, key)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	if _, err := a(ctx, ""); err == nil {
		t.Fatal("a call whose context ended got a token")
	}
	if _, err := a(t.Context(), ""); err != nil {
		t.Fatalf("after a cancelled call no token is to be had: %v", err)
	}
}

func TestOAuth2ErrorsHoldNoSecrets(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"refused": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error":"invalid_client","error_description":"CANARY is wrong"}`)
		}, "the token service answered 401 (invalid_client)"},
		"invented code": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":"CANARY"}`)
		}, "the token service answered 400"},
		"html": {
			func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>CANARY") },
			"the token service did not give a usable answer",
		},
		"redirect": {
			func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "/CANARY", http.StatusTemporaryRedirect)
			},
			"the token service answered 307",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key, _ := file(t, "CANARY")
			_, err := client(t, newTokens(t, c.answer), key)(t.Context(), "")
			if err == nil || err.Error() != c.want {
				t.Fatalf("error is %v, want %q", err, c.want)
			}
		})
	}
}

func TestNewHTTPRefusesAFileWithoutCertificates(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ca.pem")
	write(t, path, "not a certificate")
	if _, err := auth.NewHTTP(path, time.Second); err == nil {
		t.Fatal("a file without certificates is accepted")
	}
}
