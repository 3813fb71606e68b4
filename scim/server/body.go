package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"

	"simscim/scim"
)

// maxDepth is how deep a body may nest. Nothing in SCIM needs more than eight.
const maxDepth = 64

// read reads the body within the limit.
func (s *server) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	return s.readUpTo(w, r, s.options.MaxBody, "the body is too large")
}

// readUpTo reads a body of at most so many bytes; a longer one is refused with detail.
func (s *server) readUpTo(w http.ResponseWriter, r *http.Request, limit int64, detail string) ([]byte, error) {
	if t := r.Header.Get("Content-Type"); t != "" {
		switch media, _, _ := mime.ParseMediaType(t); media {
		case scim.MediaType, "application/json":
		default:
			return nil, &scim.Error{Status: http.StatusUnsupportedMediaType, Detail: "the body must be " + scim.MediaType}
		}
	}
	tooLarge := &scim.Error{Status: http.StatusRequestEntityTooLarge, Detail: detail}
	if r.ContentLength > limit {
		return nil, tooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLarge
	}
	if err != nil {
		return nil, syntax("the body could not be read to its end")
	}
	return body, nil
}

// decode reads exactly one JSON object. Numbers stay json.Number.
func decode(body []byte) (map[string]any, error) {
	if err := wellFormed(body); err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil || object == nil {
		return nil, syntax("the body is not a JSON object")
	}
	return object, nil
}

// wellFormed checks that the body is one JSON value that does not nest too deeply. Unlike
// encoding/json it refuses a name that stands twice in one object, since two readers of
// such a body may see two values.
func wellFormed(body []byte) error {
	if !json.Valid(body) {
		return syntax("the body is not valid JSON")
	}
	var open []names // one for each open object or list, nil for a list
	key := false     // a string that comes now is a name
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '{', '[':
			if len(open) == maxDepth {
				return syntax("the body nests too deeply")
			}
			key = body[i] == '{'
			open = append(open, nil)
			if key {
				open[len(open)-1] = names{}
			}
		case '}', ']':
			open = open[:len(open)-1]
			key = false
		case ',':
			key = open[len(open)-1] != nil
		case ':':
			key = false
		case '"':
			start := i
			for i++; body[i] != '"'; i++ {
				if body[i] == '\\' {
					i++
				}
			}
			if key && !open[len(open)-1].enter(body[start:i+1]) {
				return syntax("a name stands twice in one object")
			}
		}
	}
	return nil
}

// names are the names in one object.
type names map[string]struct{}

// enter adds a quoted name; ok is false if it is there.
func (n names) enter(quoted []byte) (ok bool) {
	name := string(quoted[1 : len(quoted)-1])
	if bytes.IndexByte(quoted, '\\') >= 0 {
		_ = json.Unmarshal(quoted, &name) // it is known to be valid
	}
	if _, twice := n[name]; twice {
		return false
	}
	n[name] = struct{}{}
	return true
}

func syntax(detail string) error {
	return &scim.Error{Status: http.StatusBadRequest, ScimType: scim.TypeInvalidSyntax, Detail: detail}
}

func badValue(detail string) error {
	return &scim.Error{Status: http.StatusBadRequest, ScimType: scim.TypeInvalidValue, Detail: detail}
}
