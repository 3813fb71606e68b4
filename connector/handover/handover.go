// Package handover puts first passwords into files that only a target's administrator
// can open. They are sealed with age (https://age-encryption.org/v1) in memory; what is
// written to disc is sealed already, for its owner only (0600), and whole or not at all.
// The package reads no file and keeps no password.
package handover

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"simscim/internal/secret"
)

// Row is one account and the password that it was made with.
type Row struct {
	UserName string
	Password secret.Value
}

// Folder is where one target's files go.
type Folder struct {
	// Dir is where.
	Dir        string
	recipients []age.Recipient
}

// New makes a folder of one that is there. recipients are age public keys; an error does
// not repeat them, for one may have been mistaken for the secret half.
func New(dir string, recipients []string) (*Folder, error) {
	keys, err := age.ParseRecipients(strings.NewReader(strings.Join(recipients, "\n")))
	if err != nil {
		return nil, errors.New("read the recipients of a handover: each must be an age public key, which begins with age1")
	}
	return &Folder{Dir: dir, recipients: keys}, nil
}

// Check tells whether files can be put into the folder, by doing it.
func (f *Folder) Check() error {
	tmp, err := f.sealed(nil)
	if err != nil {
		return err
	}
	return os.Remove(tmp)
}

// Write seals the rows into the file of that name, in place of one that is there, and
// returns its path. The content is CSV (RFC 4180) with the columns userName and password.
func (f *Folder) Write(name string, rows []Row) (path string, err error) {
	tmp, err := f.sealed(rows)
	if err != nil {
		return "", err
	}
	path = filepath.Join(f.Dir, name)
	if err := os.Rename(tmp, path); err != nil {
		_ = os.Remove(tmp)
		return "", fmt.Errorf("write a file of passwords: %w", err)
	}
	return path, nil
}

// Drop removes a file that Write has made.
func (f *Folder) Drop(name string) error {
	if err := os.Remove(filepath.Join(f.Dir, name)); err != nil {
		return fmt.Errorf("remove a file of passwords: %w", err)
	}
	return nil
}

// sealed writes a file under a name of its own and returns its path.
func (f *Folder) sealed(rows []Row) (path string, err error) {
	text, err := f.seal(rows)
	if err != nil {
		return "", err
	}
	tmp, err := os.CreateTemp(f.Dir, ".passwords-*") // 0600
	if err != nil {
		return "", fmt.Errorf("write a file of passwords: %w", err)
	}
	_, err = tmp.Write(text)
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		_ = os.Remove(tmp.Name())
		return "", fmt.Errorf("write a file of passwords: %w", err)
	}
	return tmp.Name(), nil
}

// seal returns the rows as the recipients alone can read them.
func (f *Folder) seal(rows []Row) ([]byte, error) {
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, f.recipients...)
	if err != nil {
		return nil, fmt.Errorf("seal passwords: %w", err)
	}
	table := csv.NewWriter(w)
	_ = table.Write([]string{"userName", "password"}) // Flush's Error tells of any failure
	for _, r := range rows {
		_ = table.Write([]string{r.UserName, r.Password.Reveal()})
	}
	table.Flush()
	if err := errors.Join(table.Error(), w.Close()); err != nil {
		return nil, fmt.Errorf("seal passwords: %w", err)
	}
	return sealed.Bytes(), nil
}
