package simsid

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"simscim/config"
	"simscim/connector/source"
	"simscim/internal/secret"
	"simscim/roster"
)

func issuing(count *atomic.Int64, life time.Duration, now func() time.Time) func(context.Context, *party) (token, error) {
	return func(ctx context.Context, _ *party) (token, error) {
		select {
		case <-ctx.Done():
			return token{}, ctx.Err()
		case <-time.After(time.Second):
		}
		return token{header: secret.New(fmt.Sprintf("Bearer %d", count.Add(1))), renewAt: now().Add(life)}, nil
	}
}

func TestTokenIsSharedAndRenewed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var count atomic.Int64
		p := &party{}
		issue := issuing(&count, time.Minute, time.Now)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := p.valid(t.Context(), "", time.Now, issue); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := count.Load(); n != 1 {
			t.Fatalf("%d token requests for 20 callers at once, want 1", n)
		}
		time.Sleep(61 * time.Second)
		again, err := p.valid(t.Context(), "", time.Now, issue)
		if err != nil || again.header.Reveal() != "Bearer 2" {
			t.Fatalf("after its time the token is not renewed (%v)", err)
		}
		// Ten callers were refused with the old token, and one with the new.
		for range 10 {
			if got, _ := p.valid(t.Context(), "Bearer 1", time.Now, issue); got.header.Reveal() != "Bearer 2" {
				t.Fatal("a token that was renewed meanwhile is thrown away")
			}
		}
		if got, _ := p.valid(t.Context(), "Bearer 2", time.Now, issue); got.header.Reveal() != "Bearer 3" {
			t.Fatal("a refused token is kept")
		}
	})
}

func TestCancelledTokenRequestHarmsNobodyElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var count atomic.Int64
		p := &party{}
		issue := issuing(&count, time.Minute, time.Now)
		first, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := p.valid(first, "", time.Now, issue); !errors.Is(err, context.Canceled) {
				t.Errorf("the cancelled caller gets %v", err)
			}
		})
		synctest.Wait()
		for range 3 {
			wg.Go(func() {
				if _, err := p.valid(t.Context(), "", time.Now, issue); err != nil {
					t.Errorf("another caller gets %v", err)
				}
			})
		}
		synctest.Wait()
		cancel()
		wg.Wait()
		if n := count.Load(); n != 1 {
			t.Errorf("%d tokens were issued, want 1", n)
		}
	})
}

func jwt(payload string) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(`{"alg":"RS256"}`)) + "." + enc([]byte(payload)) + "." + enc([]byte("signature"))
}

func TestClaims(t *testing.T) {
	t.Parallel()
	const ours, other = "aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"
	for _, c := range []struct {
		name, token, env string
		want             string // part of the error, "" for none
	}{
		{name: "no JWT", token: "opaque"},
		{name: "unreadable", token: "a.%%%.c"},
		{name: "not JSON", token: "a." + base64.RawURLEncoding.EncodeToString([]byte("no")) + ".c"},
		{name: "ours", token: jwt(`{"organisation":"` + ours + `"}`)},
		{name: "ours in capitals", token: jwt(`{"organisation_id":"` + strings.ToUpper(ours) + `"}`)},
		{name: "ours in a list", token: jwt(`{"organisation":["` + other + `","` + ours + `"]}`)},
		{name: "ours selected", token: jwt(`{"orgselected":"orgselected:` + ours + `"}`)},
		{name: "no claim", token: jwt(`{"sub":"x"}`)},
		{name: "no GUID", token: jwt(`{"org":"SIMS"}`)},
		{name: "other", token: jwt(`{"organisation":"` + other + `"}`), want: "another organisation"},
		{name: "other in a list", token: jwt(`{"OrganisationId":["` + other + `"]}`), want: "another organisation"},
		{name: "partner token at the live service", env: "live", token: jwt(`{"iss":"https://simsid-partner-stsserver.azurewebsites.net/"}`), want: "another environment"},
		{name: "live token at the live service", env: "live", token: jwt(`{"iss":"https://sts.sims.co.uk"}`)},
		{name: "unknown issuer", env: "live", token: jwt(`{"iss":"https://idsrv"}`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &Source{hosts: environments()[c.env]}
			err := s.checkClaims(c.token, ours)
			switch {
			case c.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestLifetime(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]time.Duration{
		`3600`: time.Hour, `"3600"`: time.Hour, `90.5`: 90*time.Second + 500*time.Millisecond,
		``: unknownLife, `null`: unknownLife, `0`: unknownLife, `-1`: unknownLife, `"soon"`: unknownLife, `{}`: unknownLife,
		`1e300`: longestLife,
	} {
		if got := lifetime([]byte(raw)); got != want {
			t.Errorf("expires_in %s is taken for %v, want %v", raw, got, want)
		}
	}
}

// TestTokenRequest looks at the request itself, and at when the token is renewed.
func TestTokenRequest(t *testing.T) {
	t.Parallel()
	s := newSandbox(t, sandboxOptions{listed: true, preset: "tiny"})
	org := s.first().ID.String()
	var asked atomic.Int64
	s.tamperWith(func(_ http.ResponseWriter, r *http.Request) bool {
		if form, ok := tokenForm(r); ok {
			asked.Add(1)
			if form.Get("grant_type") != "client_credentials" || form.Get("acr_values") != "orgselected:"+org ||
				form.Get("scope") != s.cfg.Scope || r.Header.Get("Authorization") != "" || r.Method != http.MethodPost {
				t.Errorf("the token request is not as the token service wants it")
			}
		}
		return false
	})
	now := time.Now()
	s.source.now = func() time.Time { return now }
	for _, step := range []struct {
		after time.Duration
		want  int64
	}{{0, 1}, {47 * time.Minute, 1}, {2 * time.Minute, 2}} { // 80 % of an hour is 48 minutes
		now = now.Add(step.after)
		if _, err := s.source.Describe(t.Context(), org); err != nil {
			t.Fatal(err)
		}
		if asked.Load() != step.want {
			t.Fatalf("%d token requests, want %d", asked.Load(), step.want)
		}
	}
}

func TestRefusedCredentials(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body string
		status     int
		frozen     bool
	}{
		{"invalid client", `{"error":"invalid_client"}`, 400, true},
		{"invalid client with 401", `{"error":"invalid_client"}`, 401, true},
		{"school withdrew", `{"error":"unauthorized_client"}`, 400, true},
		{"bare 403", ``, 403, true},
		{"invalid scope", `{"error":"invalid_scope"}`, 400, false},
		{"invalid request", `{"error":"invalid_request"}`, 400, false},
		{"unknown error", `{"error":"Mary Archer"}`, 400, false},
		{"down", `<html>`, 503, false},
		{"not JSON", `<html>`, 200, false},
		{"no token", `{"token_type":"Bearer"}`, 200, false},
		{"other type", `{"access_token":"x","token_type":"mac"}`, 200, false},
		{"line break", `{"access_token":"x\r\ny"}`, 200, false},
		{"other organisation", `{"access_token":"` + jwt(`{"organisation":"aaaaaaaa-0000-4000-8000-000000000002"}`) + `"}`, 200, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSandbox(t, sandboxOptions{listed: true, preset: "tiny"})
			s.tamperWith(func(w http.ResponseWriter, r *http.Request) bool {
				if _, ok := tokenForm(r); !ok {
					return false
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
				return true
			})
			_, err := read(t, s.source, s.first().ID.String(), everything())
			if err == nil || source.IsFrozen(err) != c.frozen || source.IsIncomplete(err) {
				t.Errorf("got %v, frozen must be %v", err, c.frozen)
			}
			if strings.Contains(err.Error(), "Mary") {
				t.Error("the error repeats what the token service says")
			}
		})
	}
}

// TestRotation: a secret that was changed at both ends is picked up without a restart.
func TestRotation(t *testing.T) {
	t.Parallel()
	t.Run("listed", func(t *testing.T) {
		t.Parallel()
		s := newSandbox(t, sandboxOptions{listed: true, preset: "tiny"})
		path := strings.TrimPrefix(s.cfg.Credentials[0].ClientSecret.String(), "file:")
		right, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		org := s.first().ID.String()
		write(t, path, "wrong")
		if _, err := read(t, s.source, org, everything()); !source.IsFrozen(err) {
			t.Fatalf("a wrong secret gives %v, want a *Frozen", err)
		}
		write(t, path, string(right))
		if _, err := read(t, s.source, org, everything()); err != nil {
			t.Errorf("the right secret is not picked up: %v", err)
		}
	})
	t.Run("vendor", func(t *testing.T) {
		t.Parallel()
		s := newSandbox(t, sandboxOptions{preset: "tiny"})
		org := s.first().ID.String()
		if _, err := read(t, s.source, org, everything()); err != nil {
			t.Fatal(err)
		}
		// What is in memory turns stale in the middle of a run.
		sc := s.source.school(org)
		sc.mu.Lock()
		sc.client.secret = secret.New("stale")
		sc.mu.Unlock()
		s.service.ExpireTokens()
		if _, err := read(t, s.source, org, everything()); err != nil {
			t.Errorf("the rotated secret is not fetched again: %v", err)
		}
	})
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestTokensNeverMix reads all schools at once while tokens keep expiring, and looks
// at what the far side saw.
func TestTokensNeverMix(t *testing.T) {
	t.Parallel()
	s := newSandbox(t, sandboxOptions{})
	var wg sync.WaitGroup
	for round := range 4 {
		for _, site := range s.world.Sites()[:4] {
			wg.Go(func() {
				if round == 1 {
					s.service.ExpireTokens()
				}
				_, err := read(t, s.source, site.ID.String(), source.Want{Kinds: []roster.Kind{roster.Staff}})
				// With all tokens expiring over and over a second 401 can hit the same call.
				if err != nil && !source.IsFrozen(err) {
					t.Errorf("read: %v", err)
				}
			})
		}
	}
	wg.Wait()
	owner := map[string]string{}
	s.seen.Range(func(key, _ any) bool {
		org, token, _ := strings.Cut(key.(string), " ")
		if token == "" {
			t.Errorf("a call to %s came without a token", org)
		}
		if before, ok := owner[token]; ok && before != org {
			t.Errorf("one token was used for %s and for %s", before, org)
		}
		owner[token] = org
		return true
	})
	if len(owner) < 4 {
		t.Errorf("%d tokens were seen, want one a school at least", len(owner))
	}
}

func TestOneBudget(t *testing.T) {
	t.Parallel()
	s := newSandbox(t, sandboxOptions{change: func(c *config.Source, _ *Options) { c.Limits.InFlight = 2 }})
	var now, most atomic.Int64
	s.tamperWith(func(w http.ResponseWriter, r *http.Request) bool {
		n := now.Add(1)
		defer now.Add(-1)
		for {
			m := most.Load()
			if n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		time.Sleep(2 * time.Millisecond)
		return false
	})
	var wg sync.WaitGroup
	for _, site := range s.world.Sites() {
		wg.Go(func() {
			if _, err := read(t, s.source, site.ID.String(), source.Want{Kinds: []roster.Kind{roster.Staff}}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most.Load() > 2 {
		t.Errorf("%d calls were in flight at once, tokens and data together; the limit is 2", most.Load())
	}
	if got, want := s.source.Requests(), s.service.Requests(); got != want {
		t.Errorf("%d requests are counted, the far side counted %d", got, want)
	}
}

func TestCallWithoutOrganisation(t *testing.T) {
	t.Parallel()
	s := newSandbox(t, sandboxOptions{listed: true, preset: "tiny"})
	if _, err := s.source.authorize(t.Context(), ""); err == nil {
		t.Error("a call that belongs to no organisation gets a token")
	}
}
