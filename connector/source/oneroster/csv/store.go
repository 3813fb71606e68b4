package csv

import (
	"strings"
	"time"

	"simscim/connector/source/oneroster"
	"simscim/roster"
)

// Schools are numbered from 0; the two highest numbers have a meaning of their own.
const (
	noSchool   = 0xFFFF
	maxSchools = 0xFFFE
)

// district is what was read of the files: all schools in one compact form, made once and
// never changed, from which each school's snapshot is derived. A district of 250,000
// users and 2,000,000 enrolments takes about 100 MiB.
type district struct {
	stamp string
	need  need

	sites   []roster.Site
	schools map[string]uint16 // by id

	text     arena
	userIDs  *ids
	classIDs *ids
	courses  *ids

	sessions []oneroster.Session
	// Records by the number of their id: their place in text plus one, 0 where the files
	// only mention the id.
	users, courseAt []uint32
	births          []uint16
	// again are further records of a user's id.
	again    map[uint32][]uint32
	classes  []classRow
	roles    chunked[roleRow]
	enrolled chunked[enrolRow]
	words    vocabulary

	classesOf, rolesOf, enrolledOf index

	problems []problem
	// lostUsers tells that there are users of whom not even the id could be read.
	lostUsers bool
	// stray counts rows that belong to none of the schools.
	stray map[string]int
	// records counts the records of all files.
	records int64
}

type classRow struct {
	at     uint32
	course uint32
	school uint16
}

// roleRow is a user's role at one school: a row of roles.csv, or one of the orgs of a
// user of version 1.1.
type roleRow struct {
	user       uint32
	begin, end uint16
	school     uint16
	role       uint8
	flags      uint8
}

// enrolRow is 16 bytes; there are millions.
type enrolRow struct {
	user, class uint32
	begin, end  uint16
	school      uint16
	role        uint8
	flags       uint8
}

const (
	flagPrimary = 1 << iota
	flagBadBegin
	flagBadEnd
	flagBadStatus
)

// problem is a record set aside while reading; school is noSchool where it may belong to
// any.
type problem struct {
	school              uint16
	entity, ref, reason string
}

// vocabulary numbers the few words that roles are. Number 0 is no word.
type vocabulary struct {
	words []string
	of    map[string]uint8
}

// unknownWord stands for whatever comes after the first 254 words.
const unknownWord = "?"

func (v *vocabulary) add(word string) uint8 {
	word = strings.TrimSpace(word)
	if word == "" {
		return 0
	}
	if n, ok := v.of[word]; ok {
		return n
	}
	if v.of == nil {
		v.of, v.words = map[string]uint8{unknownWord: 1}, []string{"", unknownWord}
	}
	if len(v.words) > 0xFF {
		return 1
	}
	word = strings.Clone(word) // or it would keep its whole row
	v.words = append(v.words, word)
	v.of[word] = uint8(len(v.words) - 1) //nolint:gosec // at most 255
	return v.of[word]
}

func (v *vocabulary) word(n uint8) string {
	if n == 0 {
		return ""
	}
	return v.words[n]
}

// Days are counted from the last day of 1899, so that 0 is none; those before or after
// what fits are the first and last that do, which decides the same.
const lastDay = 0xFFFF

func epoch() time.Time { return time.Date(1899, 12, 31, 0, 0, 0, 0, time.UTC) }

// packDay reads a date. ok is false where it is none.
func packDay(s string) (day uint16, ok bool) {
	if s == "" {
		return 0, true
	}
	t, ok := oneroster.ParseDay(s)
	if !ok || t.IsZero() {
		return 0, ok
	}
	days := (t.Unix() - epoch().Unix()) / 86400
	return uint16(min(max(days, 1), lastDay)), true
}

func unpackDay(day uint16) time.Time {
	if day == 0 {
		return time.Time{}
	}
	return epoch().AddDate(0, 0, int(day))
}
