package source

import (
	"encoding/json"
	"errors"
	"io"
)

// What can be wrong with an answer as a whole. The texts follow "users " or the like, and
// never repeat what the answer holds.
var (
	ErrNotJSON = errors.New("came as something that is not JSON")
	ErrCut     = errors.New("came cut short")
)

// PlainJSON replaces the errors of a JSON decoder, whose texts may hold bytes of the answer.
func PlainJSON(err error) error {
	_, syntax := errors.AsType[*json.SyntaxError](err)
	_, kind := errors.AsType[*json.UnmarshalTypeError](err)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return ErrCut
	case syntax, kind:
		return ErrNotJSON
	default:
		return err
	}
}
