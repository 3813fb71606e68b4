package csv

import (
	"context"
	"errors"
	"strings"

	"simscim/connector/source/oneroster"
	"simscim/roster"
)

// Values of a user's record as it is kept. What is not needed is empty.
const (
	userFlaw = iota // why the record cannot be used, or empty
	userStatus
	userEnabled
	userGiven
	userFamily
	userPreferredGiven
	userPreferredFamily
	userGrades
	userName
	userEmail
	userIdentifier
	userMaster
	userOther
	userHouse
	userValues
)

// readRoles reads the roles of version 1.2. They come before the users, so that users
// without a role at any school need not be kept.
func (l *loader) readRoles(ctx context.Context) error {
	if l.manifest.version == "1.1" {
		return nil
	}
	return l.each(ctx, fileRoles, true, "person", roleColumns(), func(v []string, valid bool) error {
		id := roster.CanonicalID(v[0])
		org := roster.CanonicalID(v[2])
		school, ok := l.schools[org]
		alive, known := oneroster.Status(v[6]).Alive()
		switch {
		case !valid:
			l.problem(l.schoolOr(org), "person", id, notUTF8)
			return nil
		case !ok:
			l.stray[fileRoles]++
			return nil
		case id == "":
			l.problem(school, "person", "", "a role names no user")
			return nil
		case !known:
			l.problem(school, "person", id, "the status of its role is not known")
			return nil
		case !alive:
			return nil
		}
		row := roleRow{school: school, role: l.words.add(v[1])}
		if strings.EqualFold(strings.TrimSpace(v[3]), "primary") {
			row.flags |= flagPrimary
		}
		row.begin, row.end = l.days(v[4], v[5], &row.flags)
		var err error
		row.user, err = l.userIDs.add(id)
		l.roles.add(row)
		return err
	})
}

// days packs two dates and flags those that are none.
func (l *loader) days(begin, end string, flags *uint8) (b, e uint16) {
	var ok bool
	if b, ok = packDay(begin); !ok {
		*flags |= flagBadBegin
	}
	if e, ok = packDay(end); !ok {
		*flags |= flagBadEnd
	}
	return b, e
}

func (l *loader) readUsers(ctx context.Context) error {
	old := l.manifest.version == "1.1"
	return l.each(ctx, fileUsers, true, "person", userColumns(old, l.need, l.house), func(v []string, valid bool) error {
		id := roster.CanonicalID(v[0])
		if old {
			if err := l.rolesOfUser(id, v[14], v[15], valid); err != nil {
				return err
			}
		}
		if id == "" {
			if !old {
				l.problem(noSchool, "person", "", "the record has no id")
			}
			return nil
		}
		n, known := l.userIDs.number(id)
		if !known {
			l.stray[fileUsers]++
			return nil
		}
		place, err := l.text.put(l.keep(v, valid)...)
		if err != nil {
			return err
		}
		l.user(n, place)
		return nil
	})
}

// rolesOfUser makes the one role of a user of version 1.1 one at each of the orgs.
func (l *loader) rolesOfUser(id, orgs, role string, valid bool) error {
	here := false
	for _, org := range list(orgs) {
		school, ok := l.schools[roster.CanonicalID(org)]
		switch {
		case !ok:
			continue
		case id == "" && !valid:
			l.problem(school, "person", "", notUTF8)
		case id == "":
			l.problem(school, "person", "", "the record has no id")
		default:
			n, err := l.userIDs.add(id)
			if err != nil {
				return err
			}
			l.roles.add(roleRow{user: n, school: school, role: l.words.add(role), flags: flagPrimary})
		}
		here = true
	}
	if !here && !valid {
		l.problem(noSchool, "person", id, notUTF8)
	}
	return nil
}

// keep picks the values of a user's record that are needed.
func (l *loader) keep(v []string, valid bool) []string {
	out := make([]string, userValues)
	if !valid {
		out[userFlaw] = notUTF8
		return out
	}
	copy(out[userStatus:], v[1:8])
	if l.need.username {
		out[userName] = v[8]
	}
	if l.need.email {
		out[userEmail] = v[9]
	}
	if l.need.id("identifier") {
		out[userIdentifier] = v[10]
	}
	if l.need.id("master") {
		out[userMaster] = v[11]
	}
	if l.need.anyID || len(l.need.types) > 0 {
		out[userOther] = "?" // which is no list, as what stood there
		if all, ok := l.need.userIDs(v[12]); ok {
			out[userOther] = joinIDs(all)
		}
	}
	if l.house != "" {
		out[userHouse] = v[13]
	}
	return out
}

func (l *loader) user(n, place uint32) {
	if grow := l.userIDs.len() - len(l.users); grow > 0 {
		l.users = append(l.users, make([]uint32, grow)...)
	}
	if l.users[n] == 0 {
		l.users[n] = place + 1
		return
	}
	l.again[n] = append(l.again[n], place)
}

// readBirths reads dates of birth, and only where a rule needs them.
func (l *loader) readBirths(ctx context.Context) error {
	if !l.need.birth || l.manifest.mode[fileDemographics] == "absent" || l.manifest.mode[fileDemographics] == "" {
		return nil
	}
	l.births = make([]uint16, l.userIDs.len())
	return l.each(ctx, fileDemographics, false, "demographics", birthColumns(), func(v []string, _ bool) error {
		n, known := l.userIDs.number(roster.CanonicalID(v[0]))
		if !known {
			return nil
		}
		day, ok := packDay(v[1])
		if !ok {
			day = badBirth
		}
		l.births[n] = day
		return nil
	})
}

// badBirth marks a date of birth that is none. No pupil was born in 2079.
const badBirth = lastDay

func (l *loader) readEnrollments(ctx context.Context) error {
	return l.each(ctx, fileEnrollments, true, "membership", enrollmentColumns(), func(v []string, valid bool) error {
		alive, known := oneroster.Status(v[7]).Alive()
		if !valid {
			l.problem(l.schoolOr(roster.CanonicalID(v[3])), "membership", "", notUTF8)
			return nil
		}
		if !alive && known {
			return nil
		}
		row := enrolRow{role: l.words.add(v[2])}
		class, err := l.classIDs.add(roster.CanonicalID(v[0]))
		user, err2 := l.userIDs.add(roster.CanonicalID(v[1]))
		if err = errors.Join(err, err2); err != nil {
			return err
		}
		row.class, row.user = class, user
		if org := roster.CanonicalID(v[3]); org == "" {
			if int(class) >= len(l.classSchools) {
				l.problem(noSchool, "membership", "", "it names neither a school nor a class that is in the list")
				return nil
			}
			row.school = l.classSchools[class]
		} else if row.school = l.schoolOr(org); row.school == noSchool {
			l.stray[fileEnrollments]++
			return nil
		}
		row.begin, row.end = l.days(v[5], v[6], &row.flags)
		if primary, _, _ := oneroster.ParseFlag(v[4]); primary {
			row.flags |= flagPrimary
		}
		if !known {
			row.flags |= flagBadStatus
		}
		l.enrolled.add(row)
		return nil
	})
}
