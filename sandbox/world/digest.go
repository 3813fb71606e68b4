package world

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
)

// Digest is a fingerprint of the whole world: two worlds with one digest are the
// same in every particular.
func (w *World) Digest() string {
	h := sha256.New()
	b := bufio.NewWriter(h)
	fmt.Fprintln(b, w.Now().Unix())
	for _, r := range w.Rolls() {
		r.dump(b)
	}
	_ = b.Flush() // a hash takes all
	return hex.EncodeToString(h.Sum(nil)[:16])
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
