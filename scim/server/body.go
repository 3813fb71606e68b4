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
	if t := r.Header.Get("Content-Type"); t != "" {
		switch media, _, _ := mime.ParseMediaType(t); media {
		case scim.MediaType, "application/json":
		default:
			return nil, &scim.Error{Status: http.StatusUnsupportedMediaType, Detail: "the body must be " + scim.MediaType}
		}
	}
	tooLarge := &scim.Error{Status: http.StatusRequestEntityTooLarge, Detail: "the body is too large"}
	if r.ContentLength > s.options.MaxBody {
		return nil, tooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.options.MaxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLarge
	}
	if err != nil {
		return nil, syntax("the body could not be read to its end")
	}
	return body, nil
}

// decode reads exactly one JSON object. Unlike encoding/json it refuses a name that
// stands twice in one object, since two readers of such a body may see two values.
// Numbers stay json.Number.
func decode(body []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	v, err := decodeValue(d, 0)
	if err != nil {
		return nil, err
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, syntax("the body is not a JSON object")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, syntax("something follows the JSON object")
	}
	return object, nil
}

func decodeValue(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, syntax("the body is not valid JSON")
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return token, nil
	}
	if depth++; depth > maxDepth {
		return nil, syntax("the body nests too deeply")
	}
	if delim == '[' {
		list := []any{}
		for d.More() {
			v, err := decodeValue(d, depth)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, end(d)
	}
	object := map[string]any{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, syntax("the body is not valid JSON")
		}
		key, _ := name.(string)
		if _, twice := object[key]; twice {
			return nil, syntax("a name stands twice in one object")
		}
		if object[key], err = decodeValue(d, depth); err != nil {
			return nil, err
		}
	}
	return object, end(d)
}

func end(d *json.Decoder) error {
	if _, err := d.Token(); err != nil {
		return syntax("the body is not valid JSON")
	}
	return nil
}

func syntax(detail string) error {
	return &scim.Error{Status: http.StatusBadRequest, ScimType: scim.TypeInvalidSyntax, Detail: detail}
}

func badValue(detail string) error {
	return &scim.Error{Status: http.StatusBadRequest, ScimType: scim.TypeInvalidValue, Detail: detail}
}
