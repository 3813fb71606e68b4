package plan

import (
	"fmt"
	"strings"

	"simscim/mapper"
	"simscim/roster"
)

func personKind(u *mapper.User) string {
	switch u.Person.Kind {
	case roster.Staff:
		return "member of staff"
	case roster.Contact:
		return "contact"
	default:
		return "pupil"
	}
}

// changed says which attributes differ, without their values.
func changed(set []Field) string {
	names := make([]string, 0, len(set))
	for _, f := range set {
		names = append(names, string(f.Path))
	}
	const most = 4
	if len(names) > most {
		return fmt.Sprintf("%s and %d more differ", strings.Join(names[:most-1], ", "), len(names)-most+1)
	}
	if len(names) == 1 {
		return names[0] + " differs"
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1] + " differ"
}

func comings(add, remove int) string {
	switch {
	case remove == 0:
		return people(add) + " joined the group"
	case add == 0:
		return people(remove) + " left the group"
	default:
		return fmt.Sprintf("%s joined the group and %d left it", people(add), remove)
	}
}

func people(n int) string {
	if n == 1 {
		return "1 person"
	}
	return fmt.Sprintf("%d people", n)
}
