// Package auth makes the values of Authorization headers for internal/httpx: a bearer
// token, a user name with a password, or an OAuth 2 access token got with client
// credentials.
//
// Secrets are references that are read when they are used, never earlier, and read
// again when the server refuses what they gave: a token file that was rotated works
// without a restart. No secret is ever part of an error.
package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"

	"simscim/internal/secret"
)

// Authorize returns the value of the Authorization header. stale is the value that
// the server has just refused, and "" otherwise.
type Authorize func(ctx context.Context, stale string) (string, error)

// Bearer signs in with a fixed token (RFC 6750 §2.1).
func Bearer(token secret.Ref) Authorize {
	return kept(func() (string, error) {
		v, err := resolve("token", token)
		if err != nil {
			return "", err
		}
		return "Bearer " + v, nil
	})
}

// Basic signs in with a user name and a password (RFC 7617 §2, as UTF-8).
func Basic(username, password secret.Ref) Authorize {
	return kept(func() (string, error) {
		user, err := resolve("username", username)
		if err != nil {
			return "", err
		}
		pass, err := resolve("password", password)
		if err != nil {
			return "", err
		}
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+pass)), nil
	})
}

// kept remembers the header until it is refused, so that the secret's file is not read
// once for every request.
func kept(read func() (string, error)) Authorize {
	var mu sync.Mutex
	var header string
	return func(_ context.Context, stale string) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if header != "" && header != stale {
			return header, nil
		}
		fresh, err := read()
		if err != nil {
			return "", err
		}
		header = fresh
		return header, nil
	}
}

func resolve(name string, ref secret.Ref) (string, error) {
	if ref.IsZero() {
		return "", fmt.Errorf("%s: no secret is configured", name)
	}
	v, err := ref.Resolve()
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	for _, r := range v.Reveal() {
		// A line break inside would be a header of its own; Go refuses to send it, with
		// an error that repeats the value.
		if r < 0x20 || r == 0x7f {
			return "", errors.New(name + ": the secret holds a control character")
		}
	}
	return v.Reveal(), nil
}
