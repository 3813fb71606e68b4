package rest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"simscim/connector/source"
)

// What can be wrong with a page as a whole. None of the texts repeats its content.
var (
	errNoEnvelope = errors.New("came without its list")
	errTwice      = errors.New("has its list twice")
	errNoList     = errors.New("has something else than a list where its list should be")
)

// page is what one answer of a list holds besides its records.
type page struct {
	records int
	// null says that the list itself was null, which is an empty list only where a total
	// says so too.
	null bool
	// empty says that there was nothing at all, as with status 204.
	empty  bool
	status imsx
}

// decodeOrEmpty is decodePage for answers that may have no body.
func decodeOrEmpty(r io.Reader, key string, one func(*json.Decoder) error) (page, error) {
	b := bufio.NewReader(r)
	if _, err := b.Peek(1); errors.Is(err, io.EOF) {
		return page{empty: true}, nil
	}
	return decodePage(b, key, one)
}

// decodePage walks one answer while it comes in. one is called for each entry of the
// list under key, and decodes exactly one value from the decoder. An error means that
// nothing of the page can be relied on.
func decodePage(r io.Reader, key string, one func(*json.Decoder) error) (page, error) {
	w := &pageWalk{key: key, one: one, dec: json.NewDecoder(skipMark(r))}
	if err := w.envelope(); err != nil {
		return page{}, source.PlainJSON(err)
	}
	if _, err := w.dec.Token(); !errors.Is(err, io.EOF) {
		return page{}, source.PlainJSON(orElse(err, source.ErrNotJSON))
	}
	if w.page.status.failed() {
		return page{}, fmt.Errorf("came with status 200 but reports a failure%s", w.page.status.word())
	}
	if !w.seen {
		return page{}, errNoEnvelope
	}
	return w.page, nil
}

// skipMark drops a byte order mark, which some servers put before their JSON.
func skipMark(r io.Reader) io.Reader {
	b := bufio.NewReader(r)
	if head, err := b.Peek(3); err == nil && bytes.Equal(head, []byte("\ufeff")) {
		_, _ = b.Discard(3) // they are there
	}
	return b
}

func orElse(err, otherwise error) error {
	if err == nil {
		return otherwise
	}
	return err
}

type pageWalk struct {
	key  string
	one  func(*json.Decoder) error
	dec  *json.Decoder
	page page
	seen bool
}

// envelope reads the outer object: the list under its key, the status fields of the
// standard beside it, and past everything else.
func (w *pageWalk) envelope() error {
	t, err := w.dec.Token()
	if err != nil {
		return err
	}
	if t != json.Delim('{') {
		return errNoEnvelope
	}
	for w.dec.More() {
		key, err := w.dec.Token()
		if err != nil {
			return err
		}
		name, _ := key.(string)
		switch {
		case name == w.key:
			err = w.list()
		case isStatusField(name):
			err = w.page.status.field(w.dec, name)
		default:
			err = skip(w.dec)
		}
		if err != nil {
			return err
		}
	}
	_, err = w.dec.Token()
	return err
}

func (w *pageWalk) list() error {
	if w.seen {
		return errTwice
	}
	w.seen = true
	t, err := w.dec.Token()
	if err != nil {
		return err
	}
	if t == nil {
		w.page.null = true
		return nil
	}
	if t != json.Delim('[') {
		return errNoList
	}
	for w.dec.More() {
		w.page.records++
		if err := w.one(w.dec); err != nil {
			return err
		}
	}
	_, err = w.dec.Token()
	return err
}

// skip reads past one value without holding it.
func skip(dec *json.Decoder) error {
	depth := 0
	for {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

// decodeOne reads an answer that is one record under key, or the record itself, as some
// services give it.
func decodeOne(r io.Reader, key string, into any) error {
	dec := json.NewDecoder(skipMark(r))
	var all map[string]json.RawMessage
	if err := dec.Decode(&all); err != nil {
		return source.PlainJSON(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return source.ErrNotJSON
	}
	raw, ok := all[key]
	if _, bare := all["sourcedId"]; !ok && bare {
		var err error
		if raw, err = json.Marshal(all); err != nil {
			return source.ErrNotJSON
		}
		ok = true
	}
	if !ok || string(raw) == "null" {
		return errors.New("came without its record")
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return errors.New("came with something else than an object for its record")
	}
	return nil
}
