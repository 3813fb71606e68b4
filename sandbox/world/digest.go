package world

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
)

// Digest is a fingerprint of the whole world: two worlds with one digest are the
// same in every particular.
func (w *World) Digest() string {
	w.mu.RLock()
	now, rolls, moves := w.now, slices.Clone(w.rolls), w.moves
	w.mu.RUnlock()
	w.digest.Lock()
	defer w.digest.Unlock()
	if w.digest.text != "" && w.digest.moves == moves {
		return w.digest.text
	}
	h := sha256.New()
	b := bufio.NewWriter(h)
	fmt.Fprintln(b, now.Unix())
	for _, r := range rolls {
		r.dump(b)
	}
	_ = b.Flush() // a hash takes all
	w.digest.moves, w.digest.text = moves, hex.EncodeToString(h.Sum(nil)[:16])
	return w.digest.text
}

func (r *Roll) dump(b io.Writer) {
	fmt.Fprintln(b, r.Site, r.Year)
	for _, g := range r.groups {
		fmt.Fprintf(b, "%+v\n", *g)
	}
	for _, list := range r.people {
		for _, p := range list {
			fmt.Fprintln(b, p.ID, p.Master, p.Twin, p.Of, p.Kind, p.Given, "|", p.Family, "|", p.PreferredGiven, "|", p.PreferredFamily, p.Email,
				p.Born, p.Start, p.End, p.Year, p.Teaching, p.female, p.dept, p.origin, groupID(p.YearGroup), groupID(p.Registration), groupID(p.House))
			for _, m := range p.Classes {
				fmt.Fprintln(b, m.Group.ID, m.Teacher)
			}
		}
	}
}

func groupID(g *Group) string {
	if g == nil {
		return "-"
	}
	return g.ID.String()
}
