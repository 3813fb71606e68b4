package telemetry

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

	"go.uber.org/zap"
)

// Person is the field under which a person appears in a log line: the pseudonym of id.
func Person(key []byte, id string) zap.Field { return zap.String("person", Pseudonym(key, id)) }

// Pseudonym is the keyed name of an id: 16 hexadecimal digits that are the same each
// time and lead nobody without the key back to the id, not even by trying all ids.
func Pseudonym(key []byte, id string) string {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte(id))
	return hex.EncodeToString(mac.Sum(nil)[:8])
}
