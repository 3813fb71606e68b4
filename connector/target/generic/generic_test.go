package generic_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"simscim/config"
	"simscim/connector/target/generic"
	"simscim/connector/target/targettest"
	"simscim/internal/secret"
)

const inFlight = 4

// fixture puts a target and a proxy in front of the server at url.
func fixture(t *testing.T, url, token, profile string, f targettest.Fixture) *targettest.Fixture {
	t.Helper()
	return fixtureWith(t, url, token, profile, config.Traits{}, f)
}

func fixtureWith(t *testing.T, url, token, profile string, traits config.Traits, f targettest.Fixture) *targettest.Fixture {
	t.Helper()
	host, path, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
	f.Faults = targettest.NewProxy(t, "http://"+host)
	log := &logBuffer{}
	target, err := generic.New(&config.Target{
		Name: "test", Type: "scim", Profile: profile, URL: f.Faults.URL + "/" + path,
		Auth:    config.TargetAuth{Type: "bearer", Token: secretFile(t, token)},
		Limits:  config.Limits{InFlight: inFlight},
		Timeout: config.Duration{Duration: 10 * time.Second},
		Traits:  traits,
	}, generic.Options{Log: log.logger(), MinWait: time.Millisecond, Unpaced: true})
	if err != nil {
		t.Fatal(err)
	}
	f.Target, f.InFlight, f.Logged = target, inFlight, log.String
	return &f
}

func secretFile(t testing.TB, content string) secret.Ref {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	ref, err := secret.ParseRef("file:" + path)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// logBuffer keeps every line at every level.
type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logBuffer) logger() *zap.Logger {
	enc := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	return zap.New(zapcore.NewCore(enc, zapcore.AddSync(l), zapcore.DebugLevel))
}
