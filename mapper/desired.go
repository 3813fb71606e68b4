// Package mapper works out from one school's roll and one site's rules which SCIM
// users and groups there should be. Rules are CEL expressions, compiled and checked
// when the configuration is loaded; mapping itself is pure and does no input or
// output. The one thing that it cannot know alone, which user names are free, it asks
// of the Namer that the caller hands in.
package mapper

import (
	"iter"

	"simscim/roster"
	"simscim/scim"
)

// Desired is what one site should have at one target.
type Desired struct {
	Site roster.Site
	// Users and Groups are sorted by key.
	Users  []User
	Groups []Group
	// Protected are the ids and keys of people whose accounts are to be left exactly as
	// they are.
	Protected []string
	// Problems are the objects that a rule failed for. They are neither created nor
	// changed nor taken to be missing.
	Problems []Problem
}

// User is one account that should exist.
type User struct {
	// Key is the account's identity, sent as externalId.
	Key string
	// Person is the record that it comes from; it points into the snapshot.
	Person *roster.Person
	// Attributes is the whole desired state, sorted, with externalId, userName and
	// active among it.
	Attributes scim.Attributes
	// CreateOnly lists the paths, sorted, that are written only at creation.
	CreateOnly []scim.Path
	// Password is the kind of password that the account is made with, empty for none.
	Password Password
}

// Password is a kind of first password.
type Password string

// The kinds of first password.
const (
	// RandomPassword is letters, digits and signs.
	RandomPassword Password = "random"
	// WordsPassword is a few words and a number, for who has just learnt to type.
	WordsPassword Password = "words"
)

// Group is one group that should exist.
type Group struct {
	// Key is the group's identity, sent as externalId: site, kind and id, or site,
	// "derived", name and value.
	Key string
	// SourceID is the school's own group ("class:6f9a…"), or empty for a derived one.
	SourceID   string
	Attributes scim.Attributes
	CreateOnly []scim.Path
	// Members are the keys of the users in it, sorted. Somebody who is a problem of
	// this run is among them all the same: a failed rule costs nobody a group.
	Members []string
}

// Problem is an object that a rule failed for. When the rule for by fails, nobody knows
// which groups there should be: then there is one problem whose key is that of the
// rule's groups without their ":value", and it stands for them all.
type Problem struct {
	// Kind is User or Group.
	Kind scim.Kind
	// SourceID is the id of the person or the key of the group; Key is set if it could
	// be worked out and is not another record's.
	SourceID, Key string
	// Path is the attribute whose rule failed, or empty.
	Path scim.Path
	// Reason is a sentence without personal data.
	Reason string
}

// Namer issues user names. It answers from what was issued before, and gives a new
// name only to who has none, or whose name the rules let change. Map asks it from one
// goroutine; what its errors say is not passed on, because it may hold a name.
type Namer interface {
	// Expect is called once, before anything else, with the keys of everybody in scope,
	// sorted, so that what is known of them can be fetched in one go. It returns those
	// who have no name yet.
	Expect(keys []string) (nameless []string)
	// Offer is called with the names that will be tried first for the nameless, so that
	// who holds them can be looked up in one go.
	Offer(names []string)
	// Name returns the user name of the account with the key. candidates are tried in
	// order until one is free; the sequence ends, so it can fail. rename says that the
	// first candidate shall replace an issued name that differs.
	Name(key string, candidates iter.Seq[string], rename bool) (string, error)
}
