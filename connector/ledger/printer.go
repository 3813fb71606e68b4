package ledger

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"slices"
	"sync"

	"simscim/connector/plan"
	"simscim/scim"
)

// Printer makes keyed fingerprints of attribute values and pseudonyms of people.
// Without the key neither can be made, so a value cannot be guessed and checked.
// It is safe for concurrent use.
type Printer struct{ states sync.Pool }

// printState is one keyed hash with the buffers that it needs, so that a print
// allocates nothing but the canonical value.
type printState struct {
	mac hash.Hash
	in  []byte
	sum [sha256.Size]byte
}

// NewPrinter makes a Printer under the key.
func NewPrinter(key []byte) *Printer {
	key = slices.Clone(key)
	return &Printer{states: sync.Pool{New: func() any {
		return &printState{mac: hmac.New(sha256.New, key)}
	}}}
}

// Print is the fingerprint of a value of the attribute at path: two values have the
// same print when scim.SameValue holds for them. The NUL keeps a path and a value
// from running into one another.
func (p *Printer) Print(path scim.Path, value any) uint64 {
	s := p.states.Get().(*printState)
	defer p.states.Put(s)
	s.in = append(append(s.in[:0], path...), 0)
	s.in = append(s.in, scim.Canonical(path, value)...)
	return binary.BigEndian.Uint64(s.hash())
}

// Prints are the fingerprints of all assigned values of a sorted list.
func (p *Printer) Prints(attrs scim.Attributes) plan.Prints {
	prints := make(plan.Prints, 0, len(attrs))
	for _, a := range attrs {
		if !scim.IsUnassigned(a.Value) {
			prints = append(prints, plan.Print{Path: a.Path, Sum: p.Print(a.Path, a.Value)})
		}
	}
	return prints
}

// Pseudonym stands for a person in logs, metrics and errors: 12 hex digits. A path
// never begins with "person:", so no print is a pseudonym's.
func (p *Printer) Pseudonym(id string) string {
	s := p.states.Get().(*printState)
	defer p.states.Put(s)
	s.in = append(append(s.in[:0], "person:"...), id...)
	return hex.EncodeToString(s.hash()[:6])
}

func (s *printState) hash() []byte {
	s.mac.Reset()
	s.mac.Write(s.in)
	return s.mac.Sum(s.sum[:0])
}
