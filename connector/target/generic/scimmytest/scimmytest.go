// Package scimmytest runs a SCIM 2.0 server that this project did not write: scimmy with
// scimmy-routers on node, from the committed folder testdata/scimmy. It is for tests
// only.
//
// Where node is missing, or its packages cannot be installed, the test is skipped with
// a loud line; with CI=true in the environment it fails instead.
package scimmytest

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// Token is what the server takes for its bearer token.
const Token = "scimmy-test-token"

// files are what the server consists of; any change to them makes a new installation.
var files = []string{".npmrc", "package.json", "package-lock.json", "server.js"}

// server starts one process for all tests: it serves any number of stores.
var server = sync.OnceValues(start)

// process is the server. It ends when its standard input closes, so that it cannot
// outlive this process; stdin is kept here lest the garbage collector close it.
type process struct {
	port  int
	stdin io.WriteCloser
}

// stores numbers the stores that were handed out.
var stores atomic.Int64

// Start gives the test a server with an empty store of its own: the SCIM base URL and
// the bearer token.
func Start(t testing.TB) (baseURL, token string) {
	t.Helper()
	p, err := server()
	if err != nil {
		without(t, err)
	}
	return fmt.Sprintf("http://127.0.0.1:%d/s%d/scim/v2", p.port, stores.Add(1)), Token
}

func start() (*process, error) {
	dir, err := installed()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("node", "server.js")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TOKEN="+Token)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	var hello struct{ Port int }
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil || json.Unmarshal(line, &hello) != nil || hello.Port == 0 {
		return nil, fmt.Errorf("scimmy did not say its port (%w): %q", err, line)
	}
	return &process{port: hello.Port, stdin: stdin}, nil
}

func without(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("the tests against scimmy cannot run: %v", err)
	}
	fmt.Fprintf(os.Stderr, "\n!!! SKIPPED %s: the tests against scimmy cannot run: %v\n\n", t.Name(), err)
	t.Skipf("the tests against scimmy cannot run: %v", err)
}

// installed returns a folder with the server and its packages. It lies outside of the
// repository and is named by the content of the files, so it is made once a machine.
func installed() (string, error) {
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", fmt.Errorf("%s is not installed", tool)
		}
	}
	_, here, _, ok := runtime.Caller(0)
	if !ok {
		return "", errors.New("the place of the source is not known")
	}
	source := filepath.Join(filepath.Dir(filepath.Dir(here)), "testdata", "scimmy")
	contents := map[string][]byte{}
	sum := sha256.New()
	for _, name := range files {
		content, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			return "", err
		}
		contents[name] = content
		fmt.Fprintf(sum, "%s %d\n%s", name, len(content), content)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "simscim", "scimmy-"+hex.EncodeToString(sum.Sum(nil)[:8]))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	return dir, fetch(dir, contents)
}

// fetch installs into a folder beside dir and renames it, so that dir is either whole
// or not there, also when two test binaries install at once.
func fetch(dir string, contents map[string][]byte) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	half, err := os.MkdirTemp(filepath.Dir(dir), "installing-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(half)
	for name, content := range contents {
		if err := os.WriteFile(filepath.Join(half, name), content, 0o644); err != nil {
			return err
		}
	}
	cmd := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	cmd.Dir = half
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w: %s", err, out)
	}
	err = os.Rename(half, dir)
	if err != nil && errors.Is(err, fs.ErrExist) {
		return nil
	}
	if _, there := os.Stat(dir); there == nil {
		return nil // another process was faster
	}
	return err
}
