package secret

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

const canary = "hunter2-canary"

// holder keeps the secret where fmt cannot call its methods.
type holder struct {
	hidden Value
	byName map[string]Value
	list   []Value
	Open   Value
}

func TestNothingPrintsASecret(t *testing.T) {
	t.Parallel()
	v := New(canary)
	h := holder{hidden: v, byName: map[string]Value{"a": v}, list: []Value{v}, Open: v}
	var texts []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		texts = append(texts, fmt.Sprintf(verb, v), fmt.Sprintf(verb, &v), fmt.Sprintf(verb, h), fmt.Sprintf(verb, &h), fmt.Sprintf(verb, any(h)))
	}
	if b, err := json.Marshal(h); err == nil {
		texts = append(texts, string(b))
	}
	enc := zapcore.NewJSONEncoder(zapcore.EncoderConfig{})
	for _, f := range []zap.Field{zap.Any("a", v), zap.Any("a", h), zap.Stringer("a", v), zap.Reflect("a", &h)} {
		buf, err := enc.EncodeEntry(zapcore.Entry{}, []zap.Field{f})
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, buf.String())
	}
	texts = append(texts, fmt.Errorf("failed with %v", h).Error())
	for _, text := range texts {
		if strings.Contains(text, canary) || strings.Contains(text, fmt.Sprintf("%x", canary)) {
			t.Errorf("the secret was printed: %s", text)
		}
	}
	if v.Reveal() != canary || v.IsZero() || !(Value{}).IsZero() || (Value{}).Reveal() != "" {
		t.Error("a secret is not what it was made of")
	}
}

func TestParseRef(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"env:A": "env:A", "file:/run/x": "file:/run/x", "file:rel:ative": "file:rel:ative"} {
		if r, err := ParseRef(in); err != nil || r.String() != want || r.IsZero() {
			t.Errorf("%q: %v, %v", in, r, err)
		}
	}
	for _, in := range []string{"", canary, "env:", "file:", "vault:x", ":x", "ENV:A"} {
		_, err := ParseRef(in)
		if err == nil {
			t.Errorf("%q was accepted", in)
		} else if strings.Contains(err.Error(), canary) {
			t.Errorf("the error repeats what may be the secret: %v", err)
		}
	}
	if !(Ref{}).IsZero() || (Ref{}).String() != "" {
		t.Error("the zero reference is not empty")
	}
}

func TestResolve(t *testing.T) {
	t.Setenv("SIMSCIM_TEST_SECRET", canary)
	t.Setenv("SIMSCIM_TEST_EMPTY", "")
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return "file:" + path
	}
	for in, want := range map[string]string{
		"env:SIMSCIM_TEST_SECRET":    canary,
		write("plain", canary):       canary,
		write("line", canary+"\n"):   canary,
		write("crlf", canary+"\r\n"): canary,
		write("two", canary+"\n\n"):  canary + "\n", // only one line break is the editor's
		"env:SIMSCIM_TEST_EMPTY":     "",
		"env:SIMSCIM_TEST_MISSING":   "",
		"file:" + dir + "/none":      "",
		write("empty", "\n"):         "",
	} {
		ref, err := ParseRef(in)
		if err != nil {
			t.Fatal(err)
		}
		v, err := ref.Resolve()
		if v.Reveal() != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", in, v.Reveal(), err)
		}
	}
	if v, err := (Ref{}).Resolve(); err != nil || !v.IsZero() {
		t.Errorf("the zero reference: %v, %v", v, err)
	}
}
