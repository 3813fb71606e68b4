package simsid

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"simscim/connector/source"
)

// page is what one answer of a list holds besides its records.
type page struct {
	records int
	// total is -1 where the answer does not tell.
	total        int
	organisation string
	next         string
}

// What can be wrong with a page as a whole. None of the texts repeats its content.
var (
	errNoItems = errors.New("came without its item list")
	errTwice   = errors.New("names the same envelope field twice")
)

// pageShape says where in an answer its parts stand. Parts with a nil path are not
// looked for.
type pageShape struct{ items, total, organisation, next fieldPath }

// decodePage walks one answer and hands each record of its list to each, without ever
// holding more than one record decoded. An entry of the list that is no object is
// handed over as nil. An error means that nothing of the page can be relied on.
func decodePage(body []byte, shape pageShape, each func(record) error) (page, error) {
	w := &pageWalk{
		dec:  json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(body, []byte("\ufeff")))),
		page: page{total: -1}, shape: shape, each: each, seen: map[string]bool{},
	}
	w.dec.UseNumber()
	if err := w.value(nil); err != nil {
		return page{}, source.PlainJSON(err)
	}
	if _, err := w.dec.Token(); !errors.Is(err, io.EOF) {
		return page{}, source.ErrNotJSON
	}
	if !w.seen[shape.items.String()] {
		return page{}, errNoItems
	}
	if shape.total != nil && w.page.total < 0 {
		return page{}, errors.New("came without its total")
	}
	if w.nullItems && w.page.total != 0 {
		// null is an empty list only where the total says so too.
		return page{}, errNoItems
	}
	return w.page, nil
}

type pageWalk struct {
	dec       *json.Decoder
	page      page
	shape     pageShape
	each      func(record) error
	seen      map[string]bool
	nullItems bool
}

// value reads the value at path: the parts of the envelope where they stand, objects
// on the way to one, and past everything else.
func (w *pageWalk) value(path fieldPath) error {
	switch {
	case w.is(w.shape.items, path):
		return w.items()
	case w.is(w.shape.total, path):
		return w.total()
	case w.is(w.shape.organisation, path):
		return w.text(&w.page.organisation)
	case w.is(w.shape.next, path):
		return w.text(&w.page.next)
	case w.leads(path):
		return w.object(path)
	default:
		var skip json.RawMessage
		return w.dec.Decode(&skip)
	}
}

func (w *pageWalk) is(part, path fieldPath) bool {
	return part != nil && slices.Equal(part, path)
}

// leads tells whether some part stands below path.
func (w *pageWalk) leads(path fieldPath) bool {
	for _, part := range []fieldPath{w.shape.items, w.shape.total, w.shape.organisation, w.shape.next} {
		if len(part) > len(path) && slices.Equal(part[:len(path)], path) {
			return true
		}
	}
	return false
}

func (w *pageWalk) once(path fieldPath) error {
	if w.seen[path.String()] {
		return errTwice
	}
	w.seen[path.String()] = true
	return nil
}

func (w *pageWalk) object(path fieldPath) error {
	t, err := w.dec.Token()
	if err != nil {
		return err
	}
	if t == nil {
		return nil
	}
	if t != json.Delim('{') {
		if len(path) == 0 {
			return errNoItems
		}
		return fmt.Errorf("has something else than an object at %s", path)
	}
	for w.dec.More() {
		key, err := w.dec.Token()
		if err != nil {
			return err
		}
		name, ok := key.(string)
		if !ok {
			return source.ErrNotJSON
		}
		if err := w.value(append(slices.Clip(path), name)); err != nil {
			return err
		}
	}
	_, err = w.dec.Token()
	return err
}

func (w *pageWalk) items() error {
	if err := w.once(w.shape.items); err != nil {
		return err
	}
	t, err := w.dec.Token()
	if err != nil {
		return err
	}
	if t == nil {
		w.nullItems = true
		return nil
	}
	if t != json.Delim('[') {
		return errors.New("has something else than a list where its items should be")
	}
	for w.dec.More() {
		var v any
		if err := w.dec.Decode(&v); err != nil {
			return err
		}
		w.page.records++
		m, _ := v.(map[string]any)
		if err := w.each(m); err != nil {
			return err
		}
	}
	_, err = w.dec.Token()
	return err
}

func (w *pageWalk) total() error {
	if err := w.once(w.shape.total); err != nil {
		return err
	}
	var s string
	if err := w.text(&s); err != nil {
		return err
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return errors.New("has a total that is no number")
	}
	w.page.total = n
	return nil
}

func (w *pageWalk) text(into *string) error {
	var v any
	if err := w.dec.Decode(&v); err != nil {
		return err
	}
	s, err := textOf(v)
	if err != nil {
		return errors.New("has an envelope field that is not text")
	}
	*into = s
	return nil
}

// decodeRecord reads an answer that is one object, and returns the object at path.
func decodeRecord(body []byte, path fieldPath) (record, error) {
	dec := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(body, []byte("\ufeff"))))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, source.PlainJSON(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, source.ErrNotJSON
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("came without its record")
	}
	if v, ok = record(m).at(path); !ok || v == nil {
		return nil, errors.New("came without its record")
	}
	if m, ok = v.(map[string]any); !ok {
		return nil, errors.New("came with something else than an object for its record")
	}
	return m, nil
}
