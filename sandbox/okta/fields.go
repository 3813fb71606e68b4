package okta

import (
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"
)

// The longest ids, in characters. A user may be loaded with an id that is too long to
// be anybody's member or to be asked for.
const (
	maxUserID, maxMemberID, maxGroupID = 512, 255, 255
	// maxCustom is for attributes that the source's own schema declares. It is inferred.
	maxCustom = 4096
)

// length is how many characters a value may have. What must have some cannot be
// cleared either.
type length struct{ least, most int }

func userFields() map[string]length {
	return map[string]length{
		"userName": {1, 100}, "email": {5, 100}, "secondEmail": {0, 100},
		"firstName": {1, 50}, "lastName": {1, 50}, "mobilePhone": {0, 100}, "homeAddress": {0, 4096},
	}
}

func groupFields() map[string]length {
	return map[string]length{"displayName": {1, 255}, "description": {0, 1024}}
}

// profile holds what was sent of each attribute; nil clears it.
type profile map[string]*string

// readProfile takes strings and nulls. Attributes that are no fields are the source's
// own.
func readProfile(f *findings, place string, sent map[string]any, fields map[string]length) profile {
	if sent == nil {
		f.add(place, "it is missing")
	}
	out := profile{}
	for _, name := range slices.Sorted(maps.Keys(sent)) {
		at := place + "." + name
		limit, known := fields[name]
		if !known { // its name may be anything, and is not repeated
			limit, at = length{0, maxCustom}, place
		}
		switch v := sent[name].(type) {
		case nil:
			if limit.least > 0 {
				f.add(at, "it cannot be null")
			}
			out[name] = nil
		case string:
			if n := utf8.RuneCountInString(v); n < limit.least || n > limit.most {
				f.add(at, "a value must have from %d to %d characters", limit.least, limit.most)
			}
			out[name] = &v
		default:
			f.add(at, "a value must be a string")
		}
	}
	return out
}

func checkID(f *findings, place, id string, most int) {
	if n := utf8.RuneCountInString(id); n < 1 || n > most {
		f.add(place, "it must have from 1 to %d characters", most)
	}
}

func checkCount(name string, n int) error {
	switch {
	case n == 0:
		return invalid(name, name+": it is missing or empty")
	case n > MaxEntities:
		return invalid(name, fmt.Sprintf("%s: there are more than %d", name, MaxEntities))
	}
	return nil
}
