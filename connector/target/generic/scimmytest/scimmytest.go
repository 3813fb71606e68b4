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
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// Token is what the server takes for its bearer token.
const Token = "scimmy-test-token"

// files are what the server consists of; any change to them makes a new installation.
var files = []string{".npmrc", "package.json", "package-lock.json", "server.js"}

// install runs once in a process: the packages are the same for every test.
var install = sync.OnceValues(installed)

// Start starts a server with an empty store and stops it after the test. It returns the
// SCIM base URL and the bearer token.
func Start(t testing.TB) (baseURL, token string) {
	t.Helper()
	dir, err := install()
	if err != nil {
		without(t, err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "server.js")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TOKEN="+Token)
	cmd.Stderr = os.Stderr
	// The server ends with its standard input, so it cannot outlive this process.
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		t.Fatalf("scimmy did not start: %v", err)
	}
	var hello struct{ Port int }
	if err := json.Unmarshal(line, &hello); err != nil || hello.Port == 0 {
		t.Fatalf("scimmy did not say its port: %q", line)
	}
	return fmt.Sprintf("http://127.0.0.1:%d/scim/v2", hello.Port), Token
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
