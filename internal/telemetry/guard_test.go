package telemetry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"simscim/internal/telemetry"
)

// The canaries are what must not be seen.
const (
	canary     = "Zebedee Canary-Smythe"
	canaryMail = "zebedee.canary@oakfield.sch.uk"
	canaryJWT  = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJaZWJlZGVlIn0.c2lnbmF0dXJl"
)

// person is an object as a careless caller might log it.
type person struct {
	UserName string
	Nested   map[string]string
}

func (p person) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	enc.AddString("userName", p.UserName)
	enc.AddString("note", "wrote to "+canaryMail)
	enc.AddInt("size", 3)
	enc.AddBinary("raw", []byte(canary))
	enc.AddTime("at", time.Unix(0, 0).UTC())
	enc.AddDuration("took", time.Second)
	if err := enc.AddReflected("reflected", p.Nested); err != nil {
		return err
	}
	enc.OpenNamespace("inner")
	enc.AddString("emails", canaryMail)
	return nil
}

type people []person

func (p people) MarshalLogArray(enc zapcore.ArrayEncoder) error {
	for _, x := range p {
		if err := enc.AppendObject(x); err != nil {
			return err
		}
	}
	return nil
}

type stringer struct{ s string }

func (s stringer) String() string { return s.s }

// verboseError prints more with %+v, which zap logs as a field of its own.
type verboseError struct{}

func (verboseError) Error() string { return "create user: status 400" }
func (e verboseError) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprint(f, "create user: status 400: ", canary)
}

// tellingFields has one field of every type under a telling name.
func tellingFields() []zap.Field {
	s, b := canary, []byte(canary)
	when := time.Date(2012, 2, 29, 1, 2, 3, 0, time.UTC)
	return []zap.Field{
		zap.String("userName", s), zap.Stringp("display_name", &s), zap.ByteString("givenName", b),
		zap.Binary("photo", b), zap.Strings("emails", []string{canaryMail, s}), zap.ByteStrings("phoneNumbers", [][]byte{b}),
		zap.Any("name", map[string]string{"givenName": s}), zap.Reflect("attributes.familyName", s),
		zap.Stringer("Authorization", stringer{s}), zap.NamedError("password", errors.New(s)),
		zap.Object("secret", person{UserName: s}), zap.Array("tokens", people{{UserName: s}}),
		zap.Dict("body", zap.String("x", s)), zap.Time("birthDate", when), zap.Int("postcode", 20120229),
		zap.Int64("mobile", 20120229), zap.Uint64("phone", 20120229), zap.Float64("birthYear", 20120229),
		zap.Duration("dob", 20120229*time.Second), zap.Complex128("upn", 20120229), zap.Bool("gender", true),
		zap.Errors("query", []error{errors.New(s)}), zap.Objects("user-names", []person{{UserName: s}}),
		zap.Ints("key", []int{20120229}), zap.Times("before", []time.Time{when}),
	}
}

// innocentFields carry canaries under names that say nothing.
func innocentFields() []zap.Field {
	s := "for " + canaryMail
	return []zap.Field{
		zap.Any("thing", map[string]any{"x": canary}), zap.Any("struct", person{UserName: canary}),
		zap.Any("plain", struct{ N string }{canary}), zap.Any("list", []map[string]string{{"x": canary}}),
		zap.Reflect("ref", &person{UserName: canary}), zap.Object("object", person{UserName: canary, Nested: map[string]string{"x": canary}}),
		zap.Inline(person{UserName: canary}), zap.Array("array", people{{UserName: canary}}),
		zap.Binary("bytes", []byte(canary)), zap.ByteString("text", []byte(canary)),
		zap.Error(fmt.Errorf("get https://idp.example/Users?filter=userName eq %q: %s", canary, s)),
		zap.NamedError("cause", verboseError{}), zap.Errors("errs", []error{verboseError{}, errors.New(s)}),
		zap.String("url", "https://zebedee:"+"canary@idp.example/scim"), zap.String("path", "/Users/zebedee.canary%40oakfield.sch.uk"),
		zap.String("header", "Bearer "+canaryJWT), zap.String("jot", canaryJWT), zap.String("login", "basic WmViZWRlZTpDYW5hcnk="),
		zap.Strings("strings", []string{s, canaryJWT}), zap.Stringp("pointer", &s), zap.Stringer("stringer", stringer{s}),
		zap.Dict("dict", zap.String("email", canaryMail), zap.String("ok", s)), zap.String(canaryMail, "x"),
		zap.Namespace("deep"), zap.String("surname", canary),
	}
}

func TestCanariesNeverReachTheLog(t *testing.T) {
	t.Parallel()
	fields := map[string][]zap.Field{"telling": tellingFields(), "innocent": innocentFields()}
	for _, format := range []telemetry.Format{telemetry.JSON, telemetry.Console} {
		for kind, fields := range fields {
			for i, f := range fields {
				for _, with := range []bool{false, true} {
					var out bytes.Buffer
					log, err := telemetry.New("debug", &out, format)
					if err != nil {
						t.Fatal(err)
					}
					if with {
						log.With(f).Info("line")
					} else {
						log.Info("line", f)
					}
					checkClean(t, fmt.Sprintf("%s %s field %d (with %v)", format, kind, i, with), out.String())
				}
			}
			var out bytes.Buffer
			log, _ := telemetry.New("debug", &out, format)
			log.Named(canaryMail).With(fields...).Error("could not reach "+canaryMail, fields...)
			checkClean(t, fmt.Sprintf("%s %s fields together", format, kind), out.String())
		}
	}
}

func checkClean(t *testing.T, what, line string) {
	t.Helper()
	for _, bad := range []string{"Zebedee", "zebedee", "Canary", "canary", "20120229", "2012-02-29", "eyJ", "WmViZWRlZT"} {
		if strings.Contains(line, bad) {
			t.Errorf("%s: %q is in the line %s", what, bad, line)
		}
	}
	if line == "" {
		t.Errorf("%s: nothing was logged", what)
	}
}

func TestHarmlessFieldsSurvive(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log, err := telemetry.New("info", &out, telemetry.JSON)
	if err != nil {
		t.Fatal(err)
	}
	log.Debug("below the level")
	log.With(zap.String("site", "123/4567")).Info("read the roll: is it whole?",
		zap.Int("people", 1063), zap.Bool("complete", true), zap.Duration("took", 1500*time.Millisecond),
		zap.Time("at", time.Date(2026, 11, 23, 2, 15, 0, 0, time.UTC)), zap.Strings("targets", []string{"directory"}),
		zap.String("siteName", "Oakfield"), zap.Error(errors.New("page 3: status 502")), zap.Any("nothing", nil),
		zap.Dict("counts", zap.Int("createUser", 3), zap.Float64("ratio", 1.5)), zap.Skip(),
		telemetry.Person([]byte("k"), "id-1"), zap.Object("o", person{}),
	)
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("not one JSON line: %v: %s", err, out.String())
	}
	for key, want := range map[string]string{
		"msg": "read the roll: is it whole?", "level": "info", "site": "123/4567", "people": "1063", "complete": "true", "took": "1.5s",
		"at": "2026-11-23T02:15:00Z", "targets": "[directory]", "siteName": "Oakfield", "error": "page 3: status 502", "nothing": "<nil>",
		"counts": "map[createUser:3 ratio:1.5]", "person": telemetry.Pseudonym([]byte("k"), "id-1"),
		"o": "map[at:1970-01-01T00:00:00Z inner:map[emails:<hidden>] note:wrote to <email> raw:<[]uint8> reflected:<map[string]string> size:3 took:1s userName:<hidden>]",
	} {
		if s := fmt.Sprint(got[key]); s != want {
			t.Errorf("%s = %s, want %s", key, s, want)
		}
	}
}

func TestNilsDoNotPanic(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log, _ := telemetry.New("info", &out, telemetry.JSON)
	var noStringer *stringer
	var noErr error
	log.Info("line", zap.Stringer("s", noStringer), zap.Error(noErr), zap.NamedError("e", noErr), zap.Any("a", nil), zap.Stringp("p", nil))
	if !strings.Contains(out.String(), `"s":"<nil>"`) {
		t.Errorf("line: %s", out.String())
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, bad := range [][2]string{{"loud", "json"}, {"fatal", "json"}, {"panic", "json"}, {"info", "xml"}, {"info", ""}} {
		if _, err := telemetry.New(bad[0], &bytes.Buffer{}, telemetry.Format(bad[1])); err == nil {
			t.Errorf("New(%q, %q) gave no error", bad[0], bad[1])
		}
	}
}

func TestPseudonym(t *testing.T) {
	t.Parallel()
	a := telemetry.Pseudonym([]byte("one"), "id")
	if len(a) != 16 || strings.Trim(a, "0123456789abcdef") != "" {
		t.Errorf("pseudonym %q", a)
	}
	if telemetry.Pseudonym([]byte("one"), "id") != a {
		t.Error("not the same twice")
	}
	for _, other := range []string{telemetry.Pseudonym([]byte("two"), "id"), telemetry.Pseudonym([]byte("one"), "other")} {
		if other == a {
			t.Error("another key or id gave the same")
		}
	}
}
