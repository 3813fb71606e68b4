// Package passphrase makes passwords: random ones, and memorable ones for pupils who have
// just learnt to type. It keeps none and has no source of randomness of its own.
//
// Every password holds a capital, a small letter, a digit and a sign, begins with a
// letter, so that no spreadsheet takes it for a formula.
package passphrase

import (
	"crypto/rand"
	_ "embed"
	"fmt"
	"io"
	"math/big"
	"strings"
)

// The characters of random passwords, without those that look alike in print.
const (
	capitals = "ABCDEFGHJKLMNPQRSTUVWXYZ"
	smalls   = "abcdefghijkmnpqrstuvwxyz"
	digits   = "23456789"
	signs    = "!#%*-_?"
	all      = capitals + smalls + digits + signs
)

// RandomLength is how long a random password is. It holds some 94 bits.
const RandomLength = 16

// Random makes a password of RandomLength characters with the randomness of r. The error
// is r's.
func Random(r io.Reader) (string, error) {
	for {
		letters, err := pick(r, capitals+smalls, 1)
		if err != nil {
			return "", err
		}
		rest, err := pick(r, all, RandomLength-1)
		if err != nil {
			return "", err
		}
		// One in four lacks some class: to throw those away favours no other.
		if s := letters + rest; holdsAll(s) {
			return s, nil
		}
	}
}

// holdsAll tells whether every class of character is there.
func holdsAll(s string) bool {
	for _, class := range []string{capitals, smalls, digits, signs} {
		if !strings.ContainsAny(s, class) {
			return false
		}
	}
	return true
}

func pick(r io.Reader, from string, n int) (string, error) {
	var b strings.Builder
	for range n {
		i, err := below(r, len(from))
		if err != nil {
			return "", err
		}
		b.WriteByte(from[i])
	}
	return b.String(), nil
}

// wordList holds 1,024 words of four to six letters, one a line: ten bits a word.
//
//go:embed words.txt
var wordList string

// Words makes a password of three words and two digits, such as Otter-Maple-Kettle-47,
// with the randomness of r: 36 bits, enough where sign-in is slowed or locked after a few
// wrong guesses, as every identity provider does, and too little for anything else. The
// error is r's.
func Words(r io.Reader) (string, error) {
	words := strings.Fields(wordList)
	parts := make([]string, 0, 4)
	for range 3 {
		i, err := below(r, len(words))
		if err != nil {
			return "", err
		}
		parts = append(parts, strings.ToUpper(words[i][:1])+words[i][1:])
	}
	number, err := pick(r, digits, 2)
	if err != nil {
		return "", err
	}
	return strings.Join(append(parts, number), "-"), nil
}

// below returns an evenly distributed number from 0 to n-1.
func below(r io.Reader, n int) (int, error) {
	i, err := rand.Int(r, big.NewInt(int64(n)))
	if err != nil {
		return 0, fmt.Errorf("make a password: %w", err)
	}
	return int(i.Int64()), nil
}
