package simsid

import (
	_ "embed"
	"fmt"
	"os"

	"simscim/roster"
)

// Contract describes how the provisioning and vendor management APIs are spoken to:
// paths, paging, envelopes, names of fields and values. It is read from a file and
// never changed afterwards.
type Contract struct {
	// Name says where the contract comes from.
	Name string
	// Verified is what the file claims about itself: tried against the live service.
	Verified bool

	basePath   string
	paging     paging
	envelope   envelope
	management managementContract
	site       siteContract
	people     peopleContract
	groups     groupsContract
	membership membershipContract
}

type paging struct {
	style                string // page, offset, next or none
	number, offset, size string
	nextAt               fieldPath
	first, records       int
	byReceived           bool
}

type envelope struct {
	items, total, organisation fieldPath
	emptyNoContent             bool
}

type managementContract struct {
	customers, credentials             string
	id, name, organisation, dfe, state fieldPath
	clientID, clientSecret             fieldPath
	states                             map[string]string
}

type siteContract struct {
	path                            string
	record                          fieldPath
	id, name, dfe, phase, yearStart fieldPath
}

type peopleContract struct {
	paths                           map[roster.Kind]string
	id, kind, state, begin, end     fieldPath
	givenName, familyName           fieldPath
	preferredGiven, preferredFamily fieldPath
	ageBand, yearGroup              fieldPath
	registration, house             fieldPath
	email, username, roles          fieldPath
	identifiers                     map[string]fieldPath
	kinds                           map[string]roster.Kind
	states                          map[string]roster.State
}

type groupsContract struct {
	path                                                      string
	id, kind, name, shortName, subject, yearGroup, begin, end fieldPath
	kinds                                                     map[string]roster.GroupKind
}

type membershipContract struct {
	fromGroup bool
	refs      []groupRef // sorted by kind
	path      string
	id, kind  fieldPath
	role      fieldPath
	roles     map[string]roster.Role
}

// groupRef is where a person's record names groups of one kind.
type groupRef struct {
	kind         roster.GroupKind
	at, id, role fieldPath
}

//go:embed contract.yaml
var defaultContract []byte

// DefaultContract returns the contract that is built in. It is what the sandbox serves
// and is unverified against the live service.
func DefaultContract() (*Contract, error) {
	return parseContract("contract.yaml (built in)", defaultContract)
}

// LoadContract reads a contract file. Where its content is wrong the error is a
// config.Problems: every problem, each with its place.
func LoadContract(path string) (*Contract, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read contract: %w", err)
	}
	return parseContract(path, text)
}
