package connector

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/scim"
)

// userName is the attribute whose values are unique and ours for ever.
const userName scim.Path = "userName"

// errNamesTaken is what a person gets for whom no candidate is free.
var errNamesTaken = errors.New("every user name that the rules yield is taken")

// namer issues user names for one site at one target. It implements mapper.Namer over
// the ledger and over what was seen at the target in this run.
type namer struct {
	ctx    context.Context
	ledger ledger.Ledger
	target string
	state  *plan.State
	// foreign holds the folds of the names that accounts of others have.
	foreign map[string]bool
	// seen is what was read back. The names in it that accounts with our keys have, which
	// the ledger does not know, are in held, by their folds.
	seen *plan.Observed
	held map[string]string
	// recognise says that a foreign name may be the person's own account, because
	// accounts are recognised by user name: the plan decides then.
	recognise bool
	// looked says that the target was looked at in this run for who holds which name;
	// doubtful, that it should be: a name was issued that somebody else had once.
	looked, doubtful bool
	// theirs holds the folds of names issued although the ledger has them as foreign.
	theirs map[string]bool

	// holders caches who holds which name: a key, ledger.Foreign, or "" for nobody.
	holders map[string]string
	// issued are the names given out in this run that the ledger does not have yet.
	issued map[string]string
	// broken is the first error of the ledger; nothing is believed after it.
	broken error
}

func (p *pass) newNamer(ctx context.Context) *namer {
	n := &namer{
		ctx: ctx, ledger: p.Ledger, target: p.run.Target, state: p.state, foreign: p.foreign,
		holders: map[string]string{}, issued: map[string]string{}, theirs: map[string]bool{}, looked: p.observed != nil,
		seen: p.observed, held: map[string]string{},
	}
	for _, path := range p.Route.Mapping.Match {
		n.recognise = n.recognise || path == userName
	}
	return n
}

// Expect implements mapper.Namer: it fetches the accounts that another site decides on.
func (n *namer) Expect(keys []string) (nameless []string) {
	for _, key := range keys {
		if n.state.Users[key] == nil {
			nameless = append(nameless, key)
		}
	}
	if len(nameless) == 0 {
		return nil
	}
	others, err := n.ledger.Known(n.ctx, n.target, scim.User, nameless)
	if err != nil {
		n.fail(err)
		return nil
	}
	maps.Copy(n.state.Users, others)
	nameless = slices.DeleteFunc(nameless, func(key string) bool { return others[key] != nil })
	for _, key := range nameless {
		if name := n.seen.NameOf(key); name != "" {
			n.held[scim.Fold(name)] = key
		}
	}
	return nameless
}

// Offer implements mapper.Namer: it looks up who holds the names that are tried first.
func (n *namer) Offer(names []string) {
	folds := make([]string, 0, len(names))
	for _, name := range names {
		fold := scim.Fold(name)
		folds = append(folds, fold)
		n.holders[fold] = ""
	}
	holders, err := n.ledger.NameHolders(n.ctx, n.target, folds)
	if err != nil {
		n.fail(err)
	}
	maps.Copy(n.holders, holders)
}

// Name implements mapper.Namer.
func (n *namer) Name(key string, candidates iter.Seq[string], rename bool) (string, error) {
	known := n.state.Users[key]
	if known != nil && known.Name != "" && !rename {
		return known.Name, nil
	}
	if name := n.seen.NameOf(key); known == nil && name != "" && !rename && n.free(key, scim.Fold(name)) {
		// Issued by a run that was killed, or under a ledger that was lost.
		n.issue(key, name)
		return name, nil
	}
	for candidate := range candidates {
		fold := scim.Fold(candidate)
		if known != nil && scim.Fold(known.Name) == fold {
			return known.Name, nil
		}
		if n.free(key, fold) {
			n.issue(key, candidate)
			return candidate, nil
		}
		if n.broken != nil {
			return "", n.broken
		}
	}
	return "", errNamesTaken
}

func (n *namer) issue(key, name string) {
	n.holders[scim.Fold(name)] = key
	n.issued[key] = name
}

// free tells whether the account with the key may have the name.
func (n *namer) free(key, fold string) bool {
	if n.foreign[fold] && !n.recognise {
		return false
	}
	if other, held := n.held[fold]; held && other != key {
		return false
	}
	holder, cached := n.holders[fold]
	if !cached {
		found, err := n.ledger.NameHolders(n.ctx, n.target, []string{fold})
		if err != nil {
			n.fail(err)
			return false
		}
		holder = found[fold]
		n.holders[fold] = holder
	}
	if holder == ledger.Foreign && n.recognise {
		n.theirs[fold], n.doubtful = true, n.doubtful || !n.looked
		return !n.looked || n.foreign[fold]
	}
	return holder == "" || holder == key
}

func (n *namer) fail(err error) {
	if n.broken == nil {
		n.broken = fmt.Errorf("look up user names in the ledger: %w", err)
	}
}

// reserve writes the names of the accounts that the plan creates, adopts or renames
// into the ledger, before anything is sent. It returns false when some name went to
// somebody else in the meantime; then names must be chosen anew.
func (p *pass) reserve(ctx context.Context) (bool, error) {
	names := map[string]string{}
	for i := range p.plan.Changes {
		c := &p.plan.Changes[i]
		name, isNew := p.names.issued[c.Key]
		if !isNew || c.Kind != scim.User {
			continue
		}
		if c.Action == plan.AdoptUser && p.names.theirs[scim.Fold(name)] {
			continue // the account has the name, and brings it along
		}
		names[c.Key] = name
	}
	if len(names) == 0 {
		return true, nil
	}
	lost, err := p.Ledger.ReserveNames(ctx, p.run.Target, names, p.Now())
	if err != nil {
		return false, fmt.Errorf("reserve user names: %w", err)
	}
	return len(lost) == 0, nil
}
