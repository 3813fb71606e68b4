package world

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/google/uuid"
)

// dice is a stream of seeded randomness with the few throws that the world needs.
type dice struct{ *rand.Rand }

// newDice derives a stream from the world's seed and a label, so that what happens
// in one place does not shift what happens in another.
func newDice(seed uint64, label ...any) dice {
	h := sha256.New()
	_ = binary.Write(h, binary.LittleEndian, seed)
	fmt.Fprintln(h, label...)
	sum := h.Sum(nil)
	return dice{rand.New(rand.NewPCG(binary.LittleEndian.Uint64(sum), binary.LittleEndian.Uint64(sum[8:])))} //nolint:gosec // dummy data must be repeatable
}

// id makes a GUID of the stream.
func (d dice) id() (id uuid.UUID) {
	binary.LittleEndian.PutUint64(id[:8], d.Uint64())
	binary.LittleEndian.PutUint64(id[8:], d.Uint64())
	id[6] = id[6]&0x0f | 0x40 // version 4
	id[8] = id[8]&0x3f | 0x80 // the RFC 9562 variant
	return id
}

// chance is true with probability p.
func (d dice) chance(p float64) bool { return d.Float64() < p }

// about rounds x up or down at random, so that small rates still show over time.
func (d dice) about(x float64) int {
	n := int(x)
	if d.chance(x - float64(n)) {
		n++
	}
	return n
}

// pick takes one of the items, the front ones more often.
func pick[T any](d dice, items []T) T {
	return items[min(d.IntN(len(items)), d.IntN(len(items)))]
}

// evenly takes one of the items.
func evenly[T any](d dice, items []T) T { return items[d.IntN(len(items))] }

func shuffle[T any](d dice, items []T) {
	d.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
}

func split(s string) []string { return strings.Split(s, ",") }
