package server

import (
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"
	"strconv"

	"simscim/scim"
)

// cursor is the place where the next page starts: behind the resource with this Seq
// or, in a sorted list, behind so many resources. The sum ties it to its query, whose
// parameters must not change between pages (RFC 9865 §2).
type cursor struct {
	sum  uint32
	skip bool
	at   int64
}

func (l listing) sum(kind scim.Kind) uint32 {
	h := fnv.New32a()
	for _, part := range []string{string(kind), l.filter, l.sortBy, strconv.FormatBool(l.descending)} {
		_, _ = h.Write([]byte(part + "\x00")) // a hash does not fail
	}
	return h.Sum32()
}

func (c cursor) String() string {
	b := binary.BigEndian.AppendUint32(nil, c.sum)
	mode := byte(0)
	if c.skip {
		mode = 1
	}
	b = strconv.AppendInt(append(b, mode), c.at, 10)
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseCursor(text string, sum uint32) (cursor, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil && len(b) > 5 && b[4] <= 1 {
		c := cursor{sum: binary.BigEndian.Uint32(b), skip: b[4] == 1}
		c.at, err = strconv.ParseInt(string(b[5:]), 10, 64)
		if err == nil && c.sum == sum && c.at >= 0 && (!c.skip || c.at < 1<<31) {
			return c, nil
		}
	}
	return cursor{}, &scim.Error{Status: 400, ScimType: scim.TypeInvalidCursor, Detail: "the cursor does not belong to this query"}
}
