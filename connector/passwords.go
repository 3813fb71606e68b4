package connector

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"simscim/connector/handover"
	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/internal/passphrase"
	"simscim/internal/secret"
	"simscim/mapper"
	"simscim/scim"
)

// passwords are the first passwords of one run: made just before the accounts are, and
// nowhere but in memory, on the way to the target, and in the sealed file of a handover.
//
// That file is written before anything is sent, for a run may be killed after an account
// was made. It is called unfinished until the run has ended, and then holds only those of
// accounts that are confirmed.
type passwords struct {
	rand   io.Reader
	folder *handover.Folder // nil where passwords are thrown away
	name   string
	made   []*newcomer
	// sent finds the newcomer of a change that went to the target.
	sent map[*plan.Change]*newcomer

	mu sync.Mutex // of confirmed, in each of them
}

// newcomer is an account that is made with a password.
type newcomer struct {
	// planned is the change without the password.
	planned   plan.Change
	row       handover.Row
	confirmed bool
}

// Handed is what a run has handed over. It holds no password.
type Handed struct {
	File string `json:"file"`
	// Accounts is how many passwords are in the file.
	Accounts int `json:"accounts"`
	// Unfinished says that the file also holds passwords of accounts that may not have
	// been made: the run was broken off.
	Unfinished bool `json:"unfinished,omitempty"`
}

func (p *pass) newPasswords() *passwords {
	return &passwords{
		rand: p.Rand, folder: p.Handover[p.run.Target], name: handoverName(p.run.Target, p.Site.ID, p.Now(), p.id),
		sent: map[*plan.Change]*newcomer{},
	}
}

// handoverName is the first part of a file's name. The school's id is the source's, and
// may hold anything.
func handoverName(target, site string, at time.Time, run int64) string {
	const longest = 64
	plain := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' {
			return r
		}
		return '_'
	}, site)
	return fmt.Sprintf("%s-%s-%s-%d", target, plain[:min(len(plain), longest)], at.UTC().Format("20060102T150405Z"), run)
}

func (w *passwords) unfinished() string { return w.name + "-unfinished.csv.age" }

// furnish puts a password into each of the changes that makes an account with one, and has
// them sealed before it returns.
func (w *passwords) furnish(changes []plan.Change) error {
	before := len(w.made)
	for i := range changes {
		c := &changes[i]
		if c.Password == "" {
			continue
		}
		password, err := w.make(c.Password)
		if err != nil {
			return err
		}
		n := &newcomer{planned: *c, row: handover.Row{UserName: c.After.String(userName), Password: secret.New(password)}}
		c.After = append(slices.Clone(c.After), scim.Attribute{Path: "password", Value: password}).Sort()
		w.made, w.sent[c] = append(w.made, n), n
	}
	if w.folder == nil || len(w.made) == before {
		return nil
	}
	if _, err := w.folder.Write(w.unfinished(), w.rows(false)); err != nil {
		return fmt.Errorf("no account is made while its password cannot be handed over: %w", err)
	}
	return nil
}

func (w *passwords) make(kind mapper.Password) (string, error) {
	if kind == mapper.WordsPassword {
		return passphrase.Words(w.rand)
	}
	return passphrase.Random(w.rand)
}

// told takes the password out of an outcome, and remembers who was made.
func (w *passwords) told(o target.Outcome) target.Outcome {
	n := w.sent[o.Change]
	if n == nil {
		return o
	}
	o.Change = &n.planned
	w.mu.Lock()
	defer w.mu.Unlock()
	n.confirmed = n.confirmed || o.Attributes
	return o
}

// rows are those of all newcomers, or only of those who are confirmed.
func (w *passwords) rows(confirmed bool) []handover.Row {
	var rows []handover.Row
	for _, n := range w.made {
		if n.confirmed || !confirmed {
			rows = append(rows, n.row)
		}
	}
	return rows
}

// handOver ends the run's file. It holds the passwords of the accounts that were made or,
// where that is not settled, of all that may have been. nil is nothing to hand over.
func (w *passwords) handOver(settled bool) (*Handed, error) {
	if w.folder == nil || len(w.made) == 0 {
		return nil, nil
	}
	unfinished := &Handed{File: filepath.Join(w.folder.Dir, w.unfinished()), Accounts: len(w.made), Unfinished: true}
	if !settled {
		return unfinished, nil
	}
	rows := w.rows(true)
	var done *Handed
	if len(rows) > 0 {
		path, err := w.folder.Write(w.name+".csv.age", rows)
		if err != nil {
			return unfinished, err
		}
		done = &Handed{File: path, Accounts: len(rows)}
	}
	return done, w.folder.Drop(w.unfinished())
}
