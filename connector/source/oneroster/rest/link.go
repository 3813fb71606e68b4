package rest

import (
	"errors"
	"net/url"
	"strings"
)

// longestLink bounds the address of a next page, in bytes.
const longestLink = 8 << 10

// links is what the Link headers of an answer say (RFC 8288).
type links struct {
	// any says that there was some link with a relation.
	any  bool
	next string
}

// parseLinks reads Link headers. Only the relation next is kept; two different ones are
// an error, and so is a header that cannot be read: it may have been the one that
// counts.
func parseLinks(headers []string) (links, error) {
	var out links
	for _, rest := range headers {
		for rest = strings.TrimLeft(rest, " \t,"); rest != ""; rest = strings.TrimLeft(rest, " \t,") {
			target, after, err := linkTarget(rest)
			if err != nil {
				return links{}, err
			}
			relation, after, err := linkParams(after)
			if err != nil {
				return links{}, err
			}
			rest = after
			out.any = out.any || relation != ""
			for word := range strings.FieldsSeq(relation) {
				if !strings.EqualFold(word, "next") {
					continue
				}
				if out.next != "" && out.next != target {
					return links{}, errors.New("has two links to the next page")
				}
				out.next = target
			}
		}
	}
	return out, nil
}

var errLink = errors.New("has a Link header that cannot be read")

func linkTarget(s string) (target, rest string, err error) {
	inner, ok := strings.CutPrefix(s, "<")
	if !ok {
		return "", "", errLink
	}
	target, rest, ok = strings.Cut(inner, ">")
	if !ok {
		return "", "", errLink
	}
	return strings.TrimSpace(target), rest, nil
}

// linkParams reads the parameters up to the comma before the next link, or the end.
func linkParams(s string) (relation, rest string, err error) {
	for {
		s = strings.TrimLeft(s, " \t")
		if s == "" || s[0] == ',' {
			return relation, s, nil
		}
		if s[0] != ';' {
			return "", "", errLink
		}
		s = strings.TrimLeft(s[1:], " \t")
		end := strings.IndexAny(s, "=;,")
		if end < 0 || s[end] != '=' {
			// A parameter without a value.
			s = s[max(end, 0):]
			if end < 0 {
				s = ""
			}
			continue
		}
		name := strings.TrimSpace(s[:end])
		var value string
		if value, s, err = linkValue(strings.TrimLeft(s[end+1:], " \t")); err != nil {
			return "", "", err
		}
		// The first rel of a link counts (RFC 8288 §3.3).
		if strings.EqualFold(name, "rel") && relation == "" {
			relation = value
		}
	}
}

func linkValue(s string) (value, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, ";,")
		if end < 0 {
			end = len(s)
		}
		return strings.TrimSpace(s[:end]), s[end:], nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if i++; i < len(s) {
				b.WriteByte(s[i])
			}
		case '"':
			return b.String(), s[i+1:], nil
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", errLink
}

// follow turns a link to the next page into a path and query on our own host. The token
// that goes with the call is worth a school's data, so the link has to stay on the host
// and below the base path. base is the service's address, here the path and query that
// the page came from.
func follow(base *url.URL, here, next string) (string, error) {
	if next == "" || len(next) > longestLink {
		return "", errors.New("has a link to the next page that is no address")
	}
	from, err := base.Parse(here)
	if err != nil {
		return "", errors.New("has an address that cannot be read")
	}
	to, err := from.Parse(next)
	if err != nil || to.Opaque != "" {
		return "", errors.New("has a link to the next page that is no address")
	}
	if !sameHost(base, to) {
		return "", errors.New("has a link to the next page that leaves the host")
	}
	path := to.EscapedPath()
	if !strings.HasPrefix(path, base.EscapedPath()+"/") || strings.Contains(strings.ToLower(path), "%2e") || strings.Contains(to.Path, "\\") {
		return "", errors.New("has a link to the next page that leaves the base path")
	}
	if _, err := url.ParseQuery(to.RawQuery); err != nil {
		return "", errors.New("has a link to the next page that is no address")
	}
	to.Fragment, to.RawFragment = "", ""
	return to.RequestURI(), nil
}

// sameHost compares hosts without the schemes' own ports. A link may say http where the
// service is reached by https, as it does behind many a proxy: only its path and query
// are used.
func sameHost(a, b *url.URL) bool {
	if b.User != nil || (b.Scheme != "http" && b.Scheme != "https") {
		return false
	}
	return strings.EqualFold(a.Hostname(), b.Hostname()) && ownPort(a) == ownPort(b)
}

func ownPort(u *url.URL) string {
	if p := u.Port(); (u.Scheme == "http" && p != "80") || (u.Scheme == "https" && p != "443") {
		return p
	}
	return ""
}
