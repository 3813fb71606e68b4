package notice

import (
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"simscim/config"
	"simscim/internal/secret"
)

// Check finds what in the notices of a configuration cannot be used. Secrets are not
// read: that their values are right, New finds out.
func Check(cfg *config.Config) config.Problems {
	var problems config.Problems
	for i, n := range cfg.Notices {
		report := func(key, what string) {
			problems = append(problems, config.Problem{At: n.At, Path: path(i, key), What: what})
		}
		checkKinds(n, func(at config.Pos, what string) {
			problems = append(problems, config.Problem{At: at, Path: path(i, "on"), What: what})
		})
		if n.Type == "email" {
			checkEmail(n, report)
		} else {
			checkWebhook(n, report)
		}
	}
	return problems.Sort()
}

// path leads to a key of a notice.
func path(i int, key string) string {
	p := "notices[" + strconv.Itoa(i) + "]"
	if key == "" {
		return p
	}
	return p + "." + key
}

func checkKinds(n *config.Notice, report func(at config.Pos, what string)) {
	known := []string{string(Held), string(Quarantine), string(Failed), string(Stale)}
	for _, word := range n.On {
		if !slices.Contains(known, word.Value) {
			report(word.At, fmt.Sprintf("%q is none of %s", word.Value, strings.Join(known, ", ")))
		}
	}
}

func checkWebhook(n *config.Notice, report func(key, what string)) {
	if n.URL.IsZero() {
		report("url", "is missing; it is a reference to the address, such as env:WEBHOOK_URL")
	}
	if !n.Token.IsZero() && n.Type != "webhook" {
		report("token", "is for type webhook only; here the address itself is the secret")
	}
	texts := map[string]string{"server": n.Server, "from": n.From, "to": strings.Join(n.To, "")}
	for _, key := range []string{"server", "from", "to"} {
		if texts[key] != "" {
			report(key, "is for type email only")
		}
	}
	secrets := map[string]secret.Ref{"username": n.Username, "password": n.Password}
	for _, key := range []string{"username", "password"} {
		if !secrets[key].IsZero() {
			report(key, "is for type email only")
		}
	}
}

func checkEmail(n *config.Notice, report func(key, what string)) {
	if !n.URL.IsZero() {
		report("url", "is for webhooks only")
	}
	if !n.Token.IsZero() {
		report("token", "is for type webhook only")
	}
	host, _, err := net.SplitHostPort(n.Server)
	if err != nil || host == "" {
		report("server", "must be a host and a port, such as smtp.example.org:587")
	}
	if n.TLS == "none" && host != "" && !isLoopback(host) {
		report("tls", "none is allowed for this machine only (localhost, 127.0.0.1)")
	}
	if n.TLS == "none" && !n.Username.IsZero() {
		report("username", "to sign in needs tls: starttls or implicit")
	}
	if n.Username.IsZero() != n.Password.IsZero() {
		report("username", "username and password belong together")
	}
	if _, err := mail.ParseAddress(n.From); err != nil {
		report("from", "must be an e-mail address")
	}
	if len(n.To) == 0 {
		report("to", "must list at least one e-mail address")
	}
	for _, to := range n.To {
		if _, err := mail.ParseAddress(to); err != nil {
			report("to", "must list e-mail addresses, each on its own")
			return
		}
	}
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.IsLoopback()
}
