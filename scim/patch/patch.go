// Package patch owns SCIM PATCH in both directions (RFC 7644 §3.5.2): Build makes the
// smallest body for attributes that differ, in the dialect that a service reads, and
// Apply carries out the operations that a client sent.
//
// Build never clears a value with an empty string and never replaces a list of which
// it does not know every element. Apply is atomic: it works on a copy and either
// yields the whole result or an error, and never empties a member list because a
// client meant some of the members.
package patch

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"simscim/scim"
)

// MaxOperations is how many operations one request may hold.
const MaxOperations = 2000

// Operation is one entry of "Operations". A nil Value is not sent; as received it
// stands for null as well, which means the same (RFC 7643 §2.5).
type Operation struct {
	Op    string `json:"op"`
	Path  string `json:"path,omitempty"`
	Value any    `json:"value,omitempty"`
}

// The operations, in the case of the RFC.
const (
	Add     = "add"
	Remove  = "remove"
	Replace = "replace"
)

// Body is the message that carries the operations.
func Body(ops []Operation) map[string]any {
	return map[string]any{"schemas": []string{scim.PatchOpURN}, "Operations": ops}
}

// Decode reads the message. Member names and the names of operations are read without
// case, as Entra ID writes "Operations" and "operations", "Replace" and "replace".
// Numbers become int64 or float64.
func Decode(body []byte) ([]Operation, error) {
	var message struct {
		Schemas    []string
		Operations []Operation
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&message); err != nil {
		return nil, fault(scim.TypeInvalidSyntax, "the body is not a PatchOp message")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fault(scim.TypeInvalidSyntax, "something follows the PatchOp message")
	}
	if len(message.Schemas) != 1 || !strings.EqualFold(message.Schemas[0], scim.PatchOpURN) {
		return nil, fault(scim.TypeInvalidSyntax, "schemas must hold exactly "+scim.PatchOpURN)
	}
	if len(message.Operations) == 0 {
		return nil, fault(scim.TypeInvalidSyntax, "Operations is missing or empty")
	}
	if len(message.Operations) > MaxOperations {
		return nil, &scim.Error{Status: http.StatusRequestEntityTooLarge, Detail: "too many operations in one request"}
	}
	for i := range message.Operations {
		op := &message.Operations[i]
		op.Op = strings.ToLower(op.Op)
		op.Value = Numbers(op.Value)
		if op.Op != Add && op.Op != Remove && op.Op != Replace {
			return nil, fault(scim.TypeInvalidSyntax, "op must be add, remove or replace")
		}
	}
	return message.Operations, nil
}

// Numbers turns every json.Number in a decoded value into an int64, or a float64 where
// it is no whole number or too big, which are the numbers of scim.Attribute. Objects
// and lists are changed in place.
func Numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i
		}
		f, err := v.Float64()
		if err != nil {
			return v.String() // beyond float64: no attribute holds it, the schema refuses it
		}
		return f
	case []any:
		for i := range v {
			v[i] = Numbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = Numbers(v[k])
		}
	}
	return v
}

func fault(scimType, detail string) error {
	return &scim.Error{Status: http.StatusBadRequest, ScimType: scimType, Detail: detail}
}
