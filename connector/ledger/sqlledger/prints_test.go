package sqlledger

import (
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"

	"simscim/connector/plan"
	"simscim/scim"
)

// FuzzUnpack feeds damaged prints to the decoder: it reads them whole or refuses.
func FuzzUnpack(f *testing.F) {
	paths := map[int64]scim.Path{1: "active", 2: "userName", 300: "title"}
	pack := func(ids ...uint64) (b []byte) {
		for _, id := range ids {
			b = binary.BigEndian.AppendUint64(binary.AppendUvarint(b, id), id*7)
		}
		return b
	}
	f.Add([]byte(nil))
	f.Add(pack(1, 2, 300))
	f.Add(pack(1)[:5])
	f.Add(pack(4))
	f.Add([]byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80})
	f.Fuzz(func(t *testing.T, blob []byte) {
		u := unpacker{paths: paths}
		got, err := u.unpack(blob)
		if err != nil {
			return
		}
		ids := map[scim.Path]uint64{"active": 1, "userName": 2, "title": 300}
		size := 0
		for _, p := range got {
			if ids[p.Path] == 0 {
				t.Fatalf("a path from nowhere: %q", p.Path)
			}
			size += sumBytes + 1
		}
		if len(blob) < size {
			t.Errorf("%d prints from %d bytes", len(got), len(blob))
		}
	})
}

func TestUnpackedPrintsDoNotShare(t *testing.T) {
	t.Parallel()
	u := unpacker{paths: map[int64]scim.Path{1: "active"}}
	blob := binary.BigEndian.AppendUint64([]byte{1}, 5)
	one, err := u.unpack(blob)
	if err != nil {
		t.Fatal(err)
	}
	two, err := u.unpack(blob)
	if err != nil {
		t.Fatal(err)
	}
	_ = append(one, plan.Print{Path: "title", Sum: 6})
	if diff := cmp.Diff(plan.Prints{{Path: "active", Sum: 5}}, two); diff != "" {
		t.Errorf("appending to one list changed the next\n%s", diff)
	}
}
