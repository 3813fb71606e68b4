// Package roster is the canonical model of a school's roll: one site, its
// people, its groups and who belongs to which. Sources build it, the mapper
// reads it, and nothing else of the source survives past it. Project tells how the same
// school will look on a later day.
//
// It imports nothing of ours. A Snapshot that a Builder has finished keeps these
// invariants: ids are present and unique per kind, every membership points at a
// person and a group of the snapshot, and all three lists are sorted, so that the
// same roll always yields the same bytes downstream.
package roster

import (
	"strings"
	"time"
)

// Site is one school as the source names it.
type Site struct {
	// ID is the source's own identifier, kept for ever: the SIMS organisation
	// GUID, or the OneRoster org sourcedId.
	ID string
	// Source is the name of the configured source that this site was found in.
	Source string
	Name   string
	// DfE is the seven-digit DfE number (LAESTAB) without a separator, or empty.
	DfE string
	// Phase is what the source says of it ("primary", "secondary", …), or empty.
	Phase string
	// YearStart is the first day of the academic year in force, zero when unknown.
	YearStart time.Time
}

// Kind tells students, staff and contacts apart.
type Kind string

// The kinds of person that a source may hold.
const (
	Student Kind = "student"
	Staff   Kind = "staff"
	Contact Kind = "contact"
)

// State is where a person stands on the roll on the day of the read.
type State string

// The states of a person. Only Current people are in a snapshot's scope by
// default; a rule may ask for Future starters too.
const (
	Current State = "current"
	Future  State = "future"
	Leaver  State = "leaver"
)

// Person is one row of the roll. Every field but ID, Kind and a family or given
// name may be empty; a missing field is never an error.
type Person struct {
	// ID is the source's identifier, unique within one source.
	ID    string
	Kind  Kind
	State State

	GivenName, FamilyName                   string
	PreferredGivenName, PreferredFamilyName string

	// YearGroup is "N1", "N2", "R" or "1" to "14".
	YearGroup string
	// EntryYear is the calendar year in which this pupil's cohort entered
	// Reception, zero when unknown.
	EntryYear int
	AgeBand   string
	// Registration and House are the names of the groups, for use in rules.
	Registration, House string
	// Classes holds the names of the person's classes, sorted.
	Classes []string
	// Roles is free text of the source, such as "teaching" or "support".
	Roles []string

	Email, Username string
	// Identifiers holds further ids by type ("master", "upn", "admission",
	// "staffCode"). Only those that some rule names are kept.
	Identifiers map[string]string

	Begin, End time.Time
}

// GroupKind tells the groups of a school apart. A group is identified by its
// kind and its id together: SIMS numbers each kind on its own.
type GroupKind string

// The kinds of group that a school has.
const (
	YearGroup    GroupKind = "year"
	Registration GroupKind = "registration"
	House        GroupKind = "house"
	Class        GroupKind = "class"
)

// GroupKey identifies a group within its site.
type GroupKey struct {
	Kind GroupKind
	ID   string
}

// String is the key as it appears in external ids: "class:6f9a…".
func (k GroupKey) String() string { return string(k.Kind) + ":" + k.ID }

// Group is a set of people that the school itself keeps.
type Group struct {
	GroupKey
	Name string
	// ShortName is the school's code for it, or empty.
	ShortName string
	// Subject is set for classes where the source tells it.
	Subject    string
	YearGroup  string
	Begin, End time.Time
}

// Role is what a person does in a group.
type Role string

// The roles in a group.
const (
	Member  Role = "member"
	Teacher Role = "teacher"
)

// Membership puts a person into a group.
type Membership struct {
	Group  GroupKey
	Person string
	Role   Role
}

// Snapshot is one complete read of one site. There is no incomplete Snapshot: a
// source that could not read everything returns an error instead.
type Snapshot struct {
	Site        Site
	TakenAt     time.Time
	People      []Person
	Groups      []Group
	Memberships []Membership
	// SetAside lists the records that were left out, and why.
	SetAside []SetAside
	// Warnings count the optional values that were dropped, sorted.
	Warnings []Warning
}

// SetAside is a record that could not be used. Its Ref is the record's id in the
// source, never a name.
type SetAside struct {
	// Entity is "person", "group", "membership" or "site".
	Entity string
	Ref    string
	Reason string
}

// Warning counts optional values that were dropped for one reason. Unlike a record set
// aside it changes nothing about who is there, so it names no record.
type Warning struct {
	// Entity is "person", "group", "membership", "session" or "course".
	Entity string
	Field  string
	Reason string
	Count  int
}

// NormaliseDfE returns the seven digits of a DfE number written in any of its
// usual forms (1234567, 123/4567, 123-4567, 123 4567), or "" if it is none.
func NormaliseDfE(s string) string {
	digits := strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9':
			return r
		case r == '/' || r == '-' || r == ' ':
			return -1
		default:
			return 'x'
		}
	}, strings.TrimSpace(s))
	if len(digits) != 7 || strings.ContainsRune(digits, 'x') {
		return ""
	}
	return digits
}
