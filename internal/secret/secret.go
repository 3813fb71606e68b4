// Package secret holds values that must never be printed. A Value formats, marshals
// and logs as "<secret>", also when it sits in an unexported field of a struct that
// is printed with %#v.
package secret

import (
	"fmt"
	"os"
	"strings"
)

const hidden = "<secret>"

// Value is a secret in memory. The zero Value is empty. It is a struct around a
// pointer because fmt cannot call methods on unexported fields: a named string
// there would be printed.
type Value struct{ v *string }

// New makes a Value of s.
func New(s string) Value { return Value{&s} }

// Reveal returns the secret itself, for the one call that has to send it.
func (v Value) Reveal() string {
	if v.v == nil {
		return ""
	}
	return *v.v
}

// IsZero tells whether there is no secret at all.
func (v Value) IsZero() bool { return v.v == nil || *v.v == "" }

func (Value) String() string               { return hidden }
func (Value) GoString() string             { return hidden }
func (Value) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Format keeps every verb from reaching the value.
func (Value) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// Ref says where a secret is: "env:NAME" or "file:/path". The zero Ref refers to
// nothing. It is safe to print: it holds no secret.
type Ref struct{ scheme, name string }

// ParseRef reads a reference. A value that is no reference is refused without being
// repeated in the error, since it may well be the secret itself.
func ParseRef(s string) (Ref, error) {
	scheme, name, ok := strings.Cut(s, ":")
	if !ok || name == "" || (scheme != "env" && scheme != "file") {
		return Ref{}, fmt.Errorf(`a secret is a reference, "env:NAME" or "file:/path", never the value itself`)
	}
	return Ref{scheme: scheme, name: name}, nil
}

// IsZero tells whether the reference is empty.
func (r Ref) IsZero() bool { return r.name == "" }

// String is the reference as it stands in the configuration.
func (r Ref) String() string {
	if r.IsZero() {
		return ""
	}
	return r.scheme + ":" + r.name
}

// Resolve reads the secret now. One trailing line break of a file is dropped. An
// empty secret is an error: it is always a mistake of deployment.
func (r Ref) Resolve() (Value, error) {
	switch r.scheme {
	case "env":
		s := os.Getenv(r.name)
		if s == "" {
			return Value{}, fmt.Errorf("the environment variable %s is not set", r.name)
		}
		return New(s), nil
	case "file":
		b, err := os.ReadFile(r.name)
		if err != nil {
			return Value{}, fmt.Errorf("read secret: %w", err)
		}
		s := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
		if s == "" {
			return Value{}, fmt.Errorf("the secret file %s is empty", r.name)
		}
		return New(s), nil
	default:
		return Value{}, nil
	}
}
