package feed

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"

	"simscim/internal/secret"
	"simscim/scim"
)

const (
	keyBytes = 32
	// hashBytes is what is kept of a keyed hash: two values share one by chance once in
	// 2^64 values.
	hashBytes = 16
)

// keys are made of the feed's key, one for each use. They are the same for the same key
// and feed, and tell nothing of each other.
type keys struct {
	feed string
	seal cipher.AEAD
	hash []byte
	// id tells one key from another without telling the key.
	id []byte
}

func newKeys(feed string, key secret.Value) (*keys, error) {
	master, err := parseKey(key.Reveal())
	if err != nil {
		return nil, err
	}
	derive := func(use string) []byte {
		derived, deriveErr := hkdf.Key(sha256.New, master, []byte(feed), "simscim feed "+use, keyBytes)
		err = errors.Join(err, deriveErr)
		return derived
	}
	content, hash, id := derive("content"), derive("lookup"), derive("key id")
	if err != nil {
		return nil, fmt.Errorf("derive keys: %w", err)
	}
	block, err := aes.NewCipher(content)
	if err != nil {
		return nil, fmt.Errorf("set up encryption: %w", err)
	}
	// Its nonces are random and its own: they cannot be handed in, and so not be used twice.
	// 2^32 writes are safe under one key.
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("set up encryption: %w", err)
	}
	return &keys{feed: feed, seal: seal, hash: hash, id: id[:8]}, nil
}

var errKey = errors.New("the key must be 32 random bytes in base64 or hex; `openssl rand -base64 32` makes one")

// parseKey reads the key. No text is a key in more than one of the forms: their lengths
// differ.
func parseKey(text string) ([]byte, error) {
	for _, decode := range []func(string) ([]byte, error){
		hex.DecodeString,
		base64.StdEncoding.DecodeString, base64.RawStdEncoding.DecodeString,
		base64.URLEncoding.DecodeString, base64.RawURLEncoding.DecodeString,
	} {
		if key, err := decode(text); err == nil && len(key) == keyBytes {
			return key, nil
		}
	}
	return nil, errKey
}

// place ties sealed content to one resource of one feed, so that it cannot be put elsewhere.
func (k *keys) place(kind scim.Kind, id string) []byte {
	return []byte(k.feed + "\x00" + string(kind) + "\x00" + id)
}

func (k *keys) close(kind scim.Kind, id string, content []byte) []byte {
	return k.seal.Seal(nil, nil, content, k.place(kind, id)) //nolint:gosec // it makes a random nonce itself, and takes none
}

func (k *keys) open(kind scim.Kind, id string, sealed []byte) ([]byte, error) {
	content, err := k.seal.Open(nil, nil, sealed, k.place(kind, id))
	if err != nil {
		return nil, errors.New("the content of a resource is damaged")
	}
	return content, nil
}

// sum is the keyed hash by which a value is looked up, nil for no value. User names and
// display names are compared without case, external ids with it (RFC 7643 §3.1, §4).
func (k *keys) sum(kind scim.Kind, name, value string) []byte {
	if value == "" {
		return nil
	}
	if name != externalID {
		value = scim.Fold(value)
	}
	mac := hmac.New(sha256.New, k.hash)
	mac.Write([]byte(string(kind) + "\x00" + name + "\x00" + value))
	return mac.Sum(nil)[:hashBytes]
}
