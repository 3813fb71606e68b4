package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"simscim/config"
	"simscim/connector/handover"
	"simscim/connector/target"
)

// handovers opens the folders that first passwords go to, by target.
func handovers(cfg *config.Config) (map[string]*handover.Folder, error) {
	folders := map[string]*handover.Folder{}
	for name, t := range cfg.Targets {
		if t.Handover == nil {
			continue
		}
		folder, err := handover.New(t.Handover.Dir, t.Handover.Recipients)
		if err != nil {
			return nil, fmt.Errorf("targets.%s.handover: %w", name, err)
		}
		folders[name] = folder
	}
	return folders, nil
}

// checkPasswords tells what becomes of first passwords at a target. An error says that
// accounts cannot be made, or their passwords not be handed over.
func (a *app) checkPasswords(name string, caps target.Capabilities) (notes []string, err error) {
	without, with := a.passwordRules(name)
	if caps.NeedsPassword && len(without) > 0 {
		return nil, fmt.Errorf("it makes no account without a password, and there is no users.password in %s", joined(without))
	}
	if folder := a.handover[name]; folder != nil {
		if err := folder.Check(); err != nil {
			return nil, fmt.Errorf("its passwords cannot be handed over: %w", err)
		}
		to := a.cfg.Targets[name].Handover
		notes = append(notes, fmt.Sprintf("first passwords: sealed for %s into %s", count(len(to.Recipients), "recipient"), to.Dir))
	}
	switch {
	case len(with) > 0 && !caps.TakesPassword:
		notes = append(notes, "first passwords: it takes none, so users.password does nothing here")
	case len(with) > 0 && a.handover[name] == nil:
		notes = append(notes, "first passwords: made and thrown away, for accounts that sign in elsewhere; with handover they go to an administrator")
	case len(with) == 0 && a.handover[name] != nil:
		return notes, errors.New("it has a handover, and no mapping for it has users.password")
	}
	return notes, nil
}

// passwordRules lists the mappings of a target without and with a rule for passwords.
func (a *app) passwordRules(name string) (without, with []string) {
	lists := [2]map[string]bool{{}, {}}
	for _, s := range a.cfg.Entries() {
		if !slices.Contains(s.Targets, name) {
			continue
		}
		has := 0
		if !s.Users.Password.IsZero() {
			has = 1
		}
		lists[has]["mapping "+s.Mapping] = true
	}
	return slices.Sorted(maps.Keys(lists[0])), slices.Sorted(maps.Keys(lists[1]))
}
