package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// event is a line of "go test -json", see "go doc test2json".
type event struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Elapsed    float64
	Output     string
}

// sum counts events and holds back the output of tests until they have failed.
type sum struct {
	w       io.Writer
	allowed map[string]bool

	passed, failed, skipped int
	// outputs are by package and test; "" is the package itself.
	outputs map[[2]string]*strings.Builder
	// failedIn counts failed tests by package: a package that failed without any did
	// not build, panicked or ran out of time.
	failedIn  map[string]int
	forbidden []string
}

func newSum(w io.Writer, allowed map[string]bool) *sum {
	return &sum{w: w, allowed: allowed, outputs: map[[2]string]*strings.Builder{}, failedIn: map[string]int{}}
}

// parseAllowed reads the list of tests that may be skipped.
func parseAllowed(text string) map[string]bool {
	allowed := map[string]bool{}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		if f := strings.Fields(line); len(f) == 2 {
			allowed[f[0]+" "+f[1]] = true
		}
	}
	return allowed
}

// read takes all events. A line that is no event is printed as it is.
func (s *sum) read(r io.Reader) error {
	in := bufio.NewScanner(r)
	in.Buffer(nil, 16<<20)
	for in.Scan() {
		var e event
		if err := json.Unmarshal(in.Bytes(), &e); err != nil || e.Action == "" {
			s.print("%s\n", in.Text())
			continue
		}
		s.take(e)
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	return nil
}

func (s *sum) take(e event) {
	if e.Test == "" {
		s.takePackage(e)
		return
	}
	id := [2]string{e.Package, e.Test}
	switch e.Action {
	case "output":
		s.hold(id, e.Output)
		return
	case "pass":
		s.passed++
	case "skip":
		s.skipped++
		if !s.allowed[e.Package+" "+e.Test] {
			s.forbidden = append(s.forbidden, e.Package+" "+e.Test)
			s.print("%s", s.release(id))
		}
	case "fail":
		s.failed++
		s.failedIn[e.Package]++
		s.print("%s", s.release(id))
	default:
		return
	}
	delete(s.outputs, id)
}

func (s *sum) takePackage(e event) {
	id := [2]string{e.Package, ""}
	switch e.Action {
	case "build-output":
		s.print("%s", e.Output)
	case "output":
		s.hold(id, e.Output)
	case "pass":
		s.print("ok  \t%s\t%.3fs\n", e.Package, e.Elapsed)
		delete(s.outputs, id)
	case "skip":
		delete(s.outputs, id)
	case "fail":
		if s.failedIn[e.Package] == 0 {
			s.failed++
			// What its unfinished tests had to say is the only trace of the cause.
			for other := range s.outputs {
				if other[0] == e.Package && other[1] != "" {
					s.print("%s", s.release(other))
				}
			}
		}
		s.print("%s", s.release(id))
	}
}

func (s *sum) hold(id [2]string, text string) {
	b := s.outputs[id]
	if b == nil {
		b = &strings.Builder{}
		s.outputs[id] = b
	}
	b.WriteString(text)
}

func (s *sum) release(id [2]string) string {
	b := s.outputs[id]
	if b == nil {
		return ""
	}
	delete(s.outputs, id)
	return b.String()
}

// finish prints the closing lines and tells whether all is well.
func (s *sum) finish() bool {
	for _, test := range s.forbidden {
		s.print("SKIPPED, and not allowed to be: %s\n", test)
	}
	if s.passed+s.failed == 0 {
		s.print("no test was run\n")
	}
	s.print("%d passed, %d failed, %d skipped\n", s.passed, s.failed, s.skipped)
	return s.failed == 0 && len(s.forbidden) == 0 && s.passed > 0
}

func (s *sum) print(format string, args ...any) {
	_, _ = fmt.Fprintf(s.w, format, args...)
}
