// Command testsum reads the output of "go test -json" on its standard input, prints it
// as "go test" would, and ends with one line that counts passed, failed and skipped
// tests. It fails when a test failed, and when one was skipped that is not allowed to
// be: a test that needs something must find it in CI.
//
// Usage: go test -json ./... | go run ./scripts/testsum [-allow FILE]
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() { os.Exit(run()) }

func run() int {
	allowFile := flag.String("allow", "", "file of tests that may be skipped: one a line, package and test, # begins a comment")
	flag.Parse()
	allowed := map[string]bool{}
	if *allowFile != "" {
		text, err := os.ReadFile(*allowFile)
		if err != nil {
			fmt.Fprintln(os.Stderr, "testsum: read allow-list:", err)
			return 2
		}
		allowed = parseAllowed(string(text))
	}
	s := newSum(os.Stdout, allowed)
	if err := s.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
		return 2
	}
	if s.finish() {
		return 0
	}
	return 1
}
