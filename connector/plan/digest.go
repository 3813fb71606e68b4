package plan

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"

	"simscim/scim"
)

// Digest identifies what the plan does: two plans with the same digest carry out the
// same changes. Values enter it as keyed fingerprints only, so a digest may be stored
// and shown.
func (p *Plan) Digest(print func(path scim.Path, value any) uint64) string {
	h := sha256.New()
	put(h, p.Site, p.Target)
	for i := range p.Changes {
		p.Changes[i].put(h, print)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Identity identifies what the change does, in the way that Digest does a plan.
func (c *Change) Identity(print func(path scim.Path, value any) uint64) string {
	h := sha256.New()
	c.put(h, print)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func (c *Change) put(h hash.Hash, print func(path scim.Path, value any) uint64) {
	put(h, string(c.Action), string(c.Kind), c.Key, c.RemoteID)
	if c.RemoteID == "" || c.Action == ReplaceGroup {
		for _, a := range c.After {
			putField(h, a.Path, print(a.Path, a.Value))
		}
		put(h, string(c.Password))
	}
	for _, f := range c.Set {
		putField(h, f.Path, print(f.Path, f.After))
	}
	put(h, c.Add...)
	put(h, c.Remove...)
}

// put writes a list so that no two lists give the same bytes.
func put(h hash.Hash, list ...string) {
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(list)))
	h.Write(n[:])
	for _, s := range list {
		binary.BigEndian.PutUint64(n[:], uint64(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
}

func putField(h hash.Hash, path scim.Path, sum uint64) {
	var n [8]byte
	put(h, string(path))
	binary.BigEndian.PutUint64(n[:], sum)
	h.Write(n[:])
}
