package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"simscim": main})
}

// TestScripts runs the program as people and scripts do: see testdata/script.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("TMPDIR", e.WorkDir+"/tmp")
			return os.Mkdir(e.WorkDir+"/tmp", 0o755)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"run":       exits,
			"secrets":   secrets,
			"await":     await,
			"freeport":  freePort,
			"expand":    expand,
			"json":      query,
			"keys":      keys,
			"http":      fetch,
			"empty":     empty,
			"let":       let,
			"until":     until,
			"terminate": terminate,
			"inbox":     inbox,
			"overwrite": overwrite,
			"count":     occurrences,
			"replace":   replace,
		},
		RequireUniqueNames: true,
	})
}

// exits runs simscim and wants an exit code: run CODE ARG….
func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if err != nil || neg {
		ts.Fatalf("usage: run CODE ARGS…")
	}
	err = ts.Exec("simscim", args[1:]...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("run simscim: %v", err)
	}
	if got != want {
		ts.Fatalf("simscim %s: exit code %d, not %d\n%s%s", strings.Join(args[1:], " "), got, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// secrets sets the variables that a sandbox's configuration refers to: secrets PRESET [KIND].
func secrets(ts *testscript.TestScript, _ bool, args []string) {
	flags := worldFlags{preset: args[0], seed: 1}
	if len(args) > 1 {
		flags.idp = args[1]
	}
	d, err := (&cli{now: time.Now}).newDummy(flags)
	ts.Check(err)
	for _, kv := range d.Env() {
		name, value, _ := strings.Cut(kv, "=")
		ts.Setenv(name, value)
	}
}

// patience is how long scripts wait for what must come, on a busy machine too.
const patience = 2 * time.Minute

// await waits until a file is there and has something in it.
func await(ts *testscript.TestScript, _ bool, args []string) {
	for begun := time.Now(); time.Since(begun) < patience; {
		if info, err := os.Stat(ts.MkAbs(args[0])); err == nil && info.Size() > 0 {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	ts.Fatalf("%s does not come", args[0])
}

// freePort sets variables to addresses that nobody listens on now.
func freePort(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		var lc net.ListenConfig
		l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
		ts.Check(err)
		ts.Setenv(name, l.Addr().String())
		ts.Check(l.Close())
	}
}

// expand puts the values of variables into a file: expand FILE.
func expand(ts *testscript.TestScript, _ bool, args []string) {
	text := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// query compares values of a JSON document: json FILE PATH=VALUE… where VALUE may be *
// for anything but nothing, and a path is like runs.0.status.
func query(ts *testscript.TestScript, neg bool, args []string) {
	doc := decode(ts, args[0])
	for _, arg := range args[1:] {
		path, want, _ := strings.Cut(arg, "=")
		got, ok := dig(doc, path)
		if same := ok && (want == "*" || shown(got) == want); same == neg {
			ts.Fatalf("%s is %s, not as wanted: %s", path, shown(got), arg)
		}
	}
}

// let sets a variable to a value of a JSON document: let NAME FILE PATH.
func let(ts *testscript.TestScript, _ bool, args []string) {
	got, ok := dig(decode(ts, args[1]), args[2])
	if !ok {
		ts.Fatalf("%s has no %s", args[1], args[2])
	}
	ts.Setenv(args[0], shown(got))
}

// until asks a server until a number in its answer is large enough: until URL PATH NUMBER.
func until(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.ParseFloat(args[2], 64)
	ts.Check(err)
	for begun := time.Now(); time.Since(begun) < patience; {
		fetch(ts, false, []string{http.MethodGet, args[0], "200"})
		got, _ := dig(decode(ts, "body"), args[1])
		if n, ok := got.(float64); ok && n >= want {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	ts.Fatalf("%s does not come to %s", args[1], args[2])
}

// keys compares the names in a JSON object: keys FILE PATH NAME… with optional names
// marked by a question mark at the end.
func keys(ts *testscript.TestScript, _ bool, args []string) {
	got, _ := dig(decode(ts, args[0]), args[1])
	object, ok := got.(map[string]any)
	if !ok {
		ts.Fatalf("%s is no object", args[1])
	}
	for _, name := range args[2:] {
		if _, there := object[name]; !there && !strings.HasSuffix(name, "?") {
			ts.Fatalf("%s has no %s", args[1], name)
		}
	}
	for name := range object {
		if !slices.Contains(args[2:], name) && !slices.Contains(args[2:], name+"?") {
			ts.Fatalf("%s has %s besides", args[1], name)
		}
	}
}

func decode(ts *testscript.TestScript, file string) any {
	var doc any
	if err := json.Unmarshal([]byte(ts.ReadFile(file)), &doc); err != nil {
		ts.Fatalf("%s is no JSON: %v\n%s", file, err, ts.ReadFile(file))
	}
	return doc
}

func dig(doc any, path string) (any, bool) {
	if path == "." {
		return doc, true
	}
	for part := range strings.SplitSeq(path, ".") {
		switch v := doc.(type) {
		case map[string]any:
			next, ok := v[part]
			if !ok {
				return nil, false
			}
			doc = next
		case []any:
			i, err := strconv.Atoi(part)
			if part == "len" {
				return float64(len(v)), true
			}
			if err != nil || i >= len(v) {
				return nil, false
			}
			doc = v[i]
		default:
			return nil, false
		}
	}
	return doc, true
}

func shown(v any) string {
	if f, ok := v.(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

// fetch calls a server and puts the body into the file "body", trying again while
// nobody answers: http METHOD URL CODE [BODYFILE].
func fetch(ts *testscript.TestScript, _ bool, args []string) {
	client := &http.Client{Timeout: patience}
	body := ""
	if len(args) > 3 {
		body = ts.ReadFile(args[3])
	}
	var last string
	for begun := time.Now(); time.Since(begun) < patience; {
		req, err := http.NewRequestWithContext(context.Background(), args[0], args[1], strings.NewReader(body))
		ts.Check(err)
		switch { // as any other client of the identity provider
		case strings.Contains(args[1], "/scim/"):
			req.Header.Set("Authorization", "Bearer "+ts.Getenv("SCIM_TOKEN"))
			req.Header.Set("Content-Type", "application/scim+json")
		case strings.Contains(args[1], "/api/v1/"):
			req.Header.Set("Authorization", "SSWS "+ts.Getenv("OKTA_TOKEN"))
			req.Header.Set("Content-Type", "application/json")
		}
		resp, err := client.Do(req)
		if err != nil {
			last = err.Error()
			time.Sleep(50 * time.Millisecond)
			continue
		}
		answer, err := io.ReadAll(resp.Body)
		ts.Check(errors.Join(err, resp.Body.Close()))
		if strconv.Itoa(resp.StatusCode) == args[2] {
			ts.Check(os.WriteFile(ts.MkAbs("body"), answer, 0o600))
			return
		}
		last = fmt.Sprintf("%d: %s", resp.StatusCode, answer)
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("%s %s: %s", args[0], args[1], last)
}

// empty wants a folder with nothing in it.
func empty(ts *testscript.TestScript, _ bool, args []string) {
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	for _, e := range entries {
		ts.Fatalf("%s was left behind in %s", e.Name(), args[0])
	}
}

// terminate sends SIGTERM, as a service manager does, to the command with the argument.
func terminate(ts *testscript.TestScript, _ bool, args []string) {
	for _, cmd := range ts.BackgroundCmds() {
		if slices.Contains(cmd.Args, args[0]) {
			ts.Check(cmd.Process.Signal(syscall.SIGTERM))
			return
		}
	}
	ts.Fatalf("nothing runs with %s", args[0])
}

// inbox serves a webhook on loopback that keeps what is posted, one a line: inbox VAR FILE.
func inbox(ts *testscript.TestScript, _ bool, args []string) {
	path, mu := ts.MkAbs(args[1]), new(sync.Mutex)
	ts.Check(os.WriteFile(path, nil, 0o600))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = io.Copy(file, r.Body)
			_, more := file.WriteString("\n")
			err = errors.Join(err, more, file.Close())
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
	ts.Defer(server.Close)
	ts.Setenv(args[0], server.URL+"/hook?secret=in-the-address")
}

// overwrite damages a file as a failing disc does: overwrite FILE OFFSET.
func overwrite(ts *testscript.TestScript, _ bool, args []string) {
	at, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	file, err := os.OpenFile(ts.MkAbs(args[0]), os.O_WRONLY, 0)
	ts.Check(err)
	_, err = file.WriteAt(bytes.Repeat([]byte{'x'}, 100), at)
	ts.Check(errors.Join(err, file.Close()))
}

// replace writes a copy of a file in which one text stands for another: replace FILE COPY OLD NEW,
// where \n in NEW is the end of a line.
func replace(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[2]) {
		ts.Fatalf("%s does not hold %q", args[0], args[2])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(strings.Replace(text, args[2], strings.ReplaceAll(args[3], `\n`, "\n"), 1)), 0o600))
}

// occurrences wants a text so many times in a file: count NUMBER TEXT FILE.
func occurrences(ts *testscript.TestScript, _ bool, args []string) {
	if got := strings.Count(ts.ReadFile(args[2]), args[1]); strconv.Itoa(got) != args[0] {
		ts.Fatalf("%s is %d times in %s, not %s\n%s", args[1], got, args[2], args[0], ts.ReadFile(args[2]))
	}
}

// TestDemoStays ends the demo when it says that it waits for somebody to look around.
func TestDemoStays(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	out := &untilSaid{text: "The sandbox stays up until Ctrl-C", then: func() { time.AfterFunc(200*time.Millisecond, stop) }}
	c := &cli{out: out, errOut: out, now: time.Now}
	root := c.root()
	root.SetArgs([]string{"demo", "--preset", "tiny"})
	if err := root.ExecuteContext(ctx); err != nil {
		t.Errorf("the demo ends with %v", err)
	}
	for _, want := range []string{"simscim plan --config ", "export SCIM_TOKEN=", "/scim/v2/Users?count=3"} {
		if !strings.Contains(out.b.String(), want) {
			t.Errorf("the demo does not say %q:\n%s", want, out.b.String())
		}
	}
	_, folder, _ := strings.Cut(out.b.String(), "simscim plan --config ")
	folder, _, _ = strings.Cut(folder, " ")
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the demo leaves %s behind", folder)
	}
}

// untilSaid calls then once a text has been written.
type untilSaid struct {
	mu   sync.Mutex
	b    strings.Builder
	text string
	then func()
}

func (u *untilSaid) Write(p []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.b.Write(p)
	if u.then != nil && strings.Contains(u.b.String(), u.text) {
		u.then()
		u.then = nil
	}
	return len(p), nil
}
