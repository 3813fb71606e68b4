package main

import (
	"strings"
	"testing"
)

func TestSum(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, events, allow string
		ok                  bool
		want                string
	}{
		{"passes", `{"Action":"start","Package":"p"}
{"Action":"output","Package":"p","Test":"TestA","Output":"chatter\n"}
{"Action":"pass","Package":"p","Test":"TestA/sub"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Output":"PASS\n"}
{"Action":"pass","Package":"p","Elapsed":1.5}
{"Action":"skip","Package":"none"}`, "", true, "ok  \tp\t1.500s\n2 passed, 0 failed, 0 skipped\n"},
		{"a failure shows what it printed", `{"Action":"output","Package":"p","Test":"TestA","Output":"boom\n"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Output":"FAIL p\n"}
{"Action":"fail","Package":"p"}`, "", false, "boom\nFAIL p\n1 passed, 1 failed, 0 skipped\n"},
		{"a build failure counts", `{"ImportPath":"p","Action":"build-output","Output":"p.go:1: no\n"}
{"Action":"pass","Package":"q","Test":"TestB"}
{"Action":"fail","Package":"p"}`, "", false, "p.go:1: no\n1 passed, 1 failed, 0 skipped\n"},
		{"a panic shows the trace", `{"Action":"pass","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Test":"TestA","Output":"panic: x\n"}
{"Action":"fail","Package":"p"}`, "", false, "panic: x\n1 passed, 1 failed, 0 skipped\n"},
		{"a skip fails", `{"Action":"output","Package":"p","Test":"TestA","Output":"no node\n"}
{"Action":"skip","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Test":"TestB"}`, "", false, "no node\nSKIPPED, and not allowed to be: p TestA\n1 passed, 0 failed, 1 skipped\n"},
		{"an allowed skip is counted", `{"Action":"skip","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Test":"TestB"}`, "# why\np TestA # because\n", true, "1 passed, 0 failed, 1 skipped\n"},
		{"nothing at all fails", "not JSON", "", false, "not JSON\nno test was run\n0 passed, 0 failed, 0 skipped\n"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			s := newSum(&out, parseAllowed(tc.allow))
			if err := s.read(strings.NewReader(tc.events)); err != nil {
				t.Fatal(err)
			}
			if ok := s.finish(); ok != tc.ok {
				t.Errorf("ok = %v, want %v", ok, tc.ok)
			}
			if got := out.String(); got != tc.want {
				t.Errorf("printed %q, want %q", got, tc.want)
			}
		})
	}
}
