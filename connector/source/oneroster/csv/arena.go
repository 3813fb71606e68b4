package csv

import (
	"encoding/binary"
	"errors"
	"hash/maphash"
)

// arena holds texts end to end, in chunks, so that a district's millions of values cost
// the garbage collector nothing and do not have to be copied to grow. A
// place in it is a uint32.
type arena struct{ chunks [][]byte }

// Chunks are of 1 MiB; no record is larger than maxRecord and what goes with it.
const (
	chunkBits = 20
	chunkSize = 1 << chunkBits
	maxChunks = 1 << (32 - chunkBits)
)

var errFull = errors.New("the files hold more than 4 GiB of values")

// put stores values, each with its length before it, and returns their place.
func (a *arena) put(vals ...string) (uint32, error) {
	size := 0
	for _, v := range vals {
		size += binary.MaxVarintLen32 + len(v)
	}
	if size > chunkSize {
		return 0, errors.New("a record is too long")
	}
	if n := len(a.chunks); n == 0 || len(a.chunks[n-1])+size > chunkSize {
		if n == maxChunks {
			return 0, errFull
		}
		first := 0 // the first chunk grows, since most files are small
		if n > 0 {
			first = chunkSize
		}
		a.chunks = append(a.chunks, make([]byte, 0, first))
	}
	last := len(a.chunks) - 1
	chunk := a.chunks[last]
	place := uint32(last)<<chunkBits | uint32(len(chunk)) //nolint:gosec // both fit, see maxChunks
	for _, v := range vals {
		chunk = append(binary.AppendUvarint(chunk, uint64(len(v))), v...)
	}
	a.chunks[last] = chunk
	return place, nil
}

// bytes returns the first value at a place and the place of the next. The bytes are the
// arena's own.
func (a *arena) bytes(place uint32) ([]byte, uint32) {
	chunk := a.chunks[place>>chunkBits]
	at := int(place & (chunkSize - 1))
	n, width := binary.Uvarint(chunk[at:])
	from := at + width
	to := from + int(n)                          //nolint:gosec // it was written by put
	return chunk[from:to], place + uint32(to-at) //nolint:gosec // within the chunk
}

// get copies values out, from a place on.
func (a *arena) get(place uint32, into []string) {
	for i := range into {
		var v []byte
		v, place = a.bytes(place)
		into[i] = string(v)
	}
}

// ids gives small numbers to the ids of one kind, counted from 0.
type ids struct {
	text *arena
	seed maphash.Seed
	at   []uint32 // place of each id
	hash []uint32 // of each id
	// slots is an open table of numbers plus one, a power of two long and at most half full.
	slots []uint32
}

func newIDs(text *arena) *ids {
	return &ids{text: text, seed: maphash.MakeSeed(), slots: make([]uint32, 1<<10)}
}

// add returns the number of an id, a new one where it has none yet.
func (t *ids) add(id string) (uint32, error) {
	sum := uint32(maphash.String(t.seed, id)) //nolint:gosec // the lower half will do
	slot, found := t.find(id, sum)
	if found {
		return t.slots[slot] - 1, nil
	}
	place, err := t.text.put(id)
	if err != nil {
		return 0, err
	}
	t.at, t.hash = append(t.at, place), append(t.hash, sum)
	t.slots[slot] = uint32(len(t.at)) //nolint:gosec // bounded by the arena
	if 2*len(t.at) > len(t.slots) {
		t.grow()
	}
	return uint32(len(t.at)) - 1, nil //nolint:gosec // bounded by the arena
}

// number returns the number of an id that has one.
func (t *ids) number(id string) (uint32, bool) {
	slot, found := t.find(id, uint32(maphash.String(t.seed, id))) //nolint:gosec // the lower half will do
	if !found {
		return 0, false
	}
	return t.slots[slot] - 1, true
}

// find returns the slot of an id, or the empty one that it would take.
func (t *ids) find(id string, sum uint32) (slot uint32, found bool) {
	mask := uint32(len(t.slots)) - 1 //nolint:gosec // bounded by the arena
	for slot = sum & mask; t.slots[slot] != 0; slot = (slot + 1) & mask {
		n := t.slots[slot] - 1
		if t.hash[n] != sum {
			continue
		}
		if text, _ := t.text.bytes(t.at[n]); string(text) == id {
			return slot, true
		}
	}
	return slot, false
}

func (t *ids) grow() {
	t.slots = make([]uint32, 2*len(t.slots))
	mask := uint32(len(t.slots)) - 1 //nolint:gosec // bounded by the arena
	for n, sum := range t.hash {
		slot := sum & mask
		for t.slots[slot] != 0 {
			slot = (slot + 1) & mask
		}
		t.slots[slot] = uint32(n) + 1
	}
}

// seal frees what only finding numbers needs.
func (t *ids) seal() { t.slots, t.hash = nil, nil }

func (t *ids) len() int { return len(t.at) }

func (t *ids) id(n uint32) string {
	text, _ := t.text.bytes(t.at[n])
	return string(text)
}

// chunked is a long list that is not copied to grow.
type chunked[T any] struct {
	parts [][]T
	n     int
}

const partBits = 16

func (c *chunked[T]) add(v T) {
	if c.n&(1<<partBits-1) == 0 {
		first := 0 // the first part grows, since most files are small
		if c.n > 0 {
			first = 1 << partBits
		}
		c.parts = append(c.parts, make([]T, 0, first))
	}
	last := len(c.parts) - 1
	c.parts[last] = append(c.parts[last], v)
	c.n++
}

func (c *chunked[T]) at(i uint32) *T { return &c.parts[i>>partBits][i&(1<<partBits-1)] }

// index lists, for each school, the numbers of what belongs to it.
type index struct{ start, list []uint32 }

// indexBy sorts the numbers 0 to n-1 by their school, by counting: within a school they
// keep their order.
func indexBy(schools, n int, school func(i uint32) uint16) index {
	x := index{start: make([]uint32, schools+1), list: make([]uint32, n)}
	for i := range uint32(n) { //nolint:gosec // bounded by the arena
		x.start[school(i)+1]++
	}
	for s := range schools {
		x.start[s+1] += x.start[s]
	}
	next := append([]uint32(nil), x.start[:schools]...)
	for i := range uint32(n) { //nolint:gosec // bounded by the arena
		s := school(i)
		x.list[next[s]] = i
		next[s]++
	}
	return x
}

func (x index) of(school uint16) []uint32 { return x.list[x.start[school]:x.start[school+1]] }
