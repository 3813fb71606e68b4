package sqlledger

import (
	"encoding/binary"
	"fmt"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/scim"
)

// Prints are stored as pairs: the number of the path (uvarint) and eight bytes of
// fingerprint, in the order of the list.

const sumBytes = 8

func (l *Ledger) packPrints(t *tx, prints plan.Prints) ([]byte, error) {
	if len(prints) == 0 {
		return nil, nil
	}
	blob := make([]byte, 0, len(prints)*(sumBytes+2))
	for _, p := range prints {
		id, ok := t.paths[p.Path]
		if !ok {
			if err := checkID("an attribute path", string(p.Path)); err != nil {
				return nil, err
			}
			var err error
			if id, err = l.paths.number(t, p.Path); err != nil {
				return nil, err
			}
			if t.paths == nil {
				t.paths = map[scim.Path]int64{}
			}
			t.paths[p.Path] = id
		}
		blob = binary.AppendUvarint(blob, uint64(id)) //nolint:gosec // numbers of rows are positive
		blob = binary.BigEndian.AppendUint64(blob, p.Sum)
	}
	return blob, nil
}

// unpacker takes prints apart. It cuts them from large pieces, since a site has tens
// of thousands.
type unpacker struct {
	paths map[int64]scim.Path
	free  []plan.Print
}

var errPrints = fmt.Errorf("stored fingerprints cannot be read: %w", ledger.ErrDamaged)

func (u *unpacker) unpack(blob []byte) (plan.Prints, error) {
	n := len(blob) / (sumBytes + 1) // at most
	if n == 0 {
		if len(blob) > 0 {
			return nil, errPrints
		}
		return nil, nil
	}
	if len(u.free) < n {
		u.free = make([]plan.Print, max(n, 4096))
	}
	used := 0
	for len(blob) > 0 {
		id, size := binary.Uvarint(blob)
		path, ok := u.paths[int64(id)] //nolint:gosec // an id that does not fit is not in the map
		if size <= 0 || !ok || len(blob) < size+sumBytes {
			return nil, errPrints
		}
		u.free[used] = plan.Print{Path: path, Sum: binary.BigEndian.Uint64(blob[size:])}
		used++
		blob = blob[size+sumBytes:]
	}
	out := plan.Prints(u.free[:used:used])
	u.free = u.free[used:]
	return out, nil
}
