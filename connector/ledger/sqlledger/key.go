package sqlledger

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"

	"simscim/internal/secret"
)

const (
	keyBytes = 32
	// minKeyBytes is the least that a key of one's own must have: 128 bits, if random.
	minKeyBytes = 16
)

// The rows of meta. A store has one of the two.
const (
	ownKey     = "key"
	keyChecked = "key_check"
)

// settleKey returns the key of the store: its own, or the given one, which has to be
// the one that the store was made with. A store with a given key keeps a check value
// only, so that the file alone does not help to guess values.
func (l *Ledger) settleKey(ctx context.Context, given secret.Value, random io.Reader) ([]byte, error) {
	explicit := []byte(given.Reveal())
	if !given.IsZero() && len(explicit) < minKeyBytes {
		return nil, fmt.Errorf("the store's key is too short: %d bytes, at least %d are needed", len(explicit), minKeyBytes)
	}
	var key []byte
	err := l.w.do(ctx, "read the store's key", false, func(t *tx) (err error) {
		own, hasOwn, err := t.meta(ownKey)
		if err != nil {
			return err
		}
		check, hasCheck, err := t.meta(keyChecked)
		if err != nil {
			return err
		}
		switch {
		case !hasOwn && !hasCheck:
			key, err = t.firstKey(explicit, random)
			return err
		case len(explicit) == 0 && hasOwn:
			key = own
			return nil
		case len(explicit) == 0:
			return errors.New("the store was made with a key of your own, and none is given; nothing was changed")
		case hasOwn && !bytes.Equal(own, explicit), hasCheck && !hmac.Equal(check, checkValue(explicit)):
			return errors.New("the store was made with another key; nothing was changed")
		default:
			key = explicit
			return nil
		}
	})
	return key, err
}

func (t *tx) firstKey(explicit []byte, random io.Reader) ([]byte, error) {
	const put = `INSERT INTO meta (name, value) VALUES ($1, $2)`
	if len(explicit) > 0 {
		return explicit, t.exec(put, keyChecked, checkValue(explicit))
	}
	key := make([]byte, keyBytes)
	if _, err := io.ReadFull(random, key); err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return key, t.exec(put, ownKey, key)
}

func (t *tx) meta(name string) (value []byte, ok bool, err error) {
	err = t.row(`SELECT value FROM meta WHERE name = $1`, name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return value, err == nil, err
}

// checkValue proves that a key is the right one without telling it. Neither a
// fingerprint nor a pseudonym is ever made of the same input.
func checkValue(key []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("simscim store check"))
	return mac.Sum(nil)[:16]
}
