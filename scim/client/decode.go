package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"html"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"simscim/internal/httpx"
	"simscim/scim"
)

var errNotJSON = errors.New("the answer is not a JSON object")

func decodeResource(body []byte) (Resource, error) {
	var res Resource
	if err := json.Unmarshal(body, &res); err != nil || res == nil {
		return nil, errNotJSON
	}
	return res, nil
}

// decodeID reads no more of a create's answer than it needs: of thousands of creates
// nothing else is kept, and the id mostly stands near the beginning.
func decodeID(body []byte) string {
	if id := scanID(body); id != "" {
		return id
	}
	var res struct {
		ID text `json:"id"`
	}
	if json.Unmarshal(body, &res) != nil {
		return ""
	}
	return string(res.ID)
}

// scanID finds "id" among the names of the outermost object, as long as everything up
// to there is plain: no escapes, no white space around the colon. Otherwise it finds
// nothing.
func scanID(body []byte) string {
	depth, i := 0, 0
	for i < len(body) {
		switch body[i] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return ""
			}
		case '\\':
			return ""
		case '"':
			text, next := plainString(body, i)
			if next < 0 {
				return ""
			}
			if depth == 1 && string(text) == "id" && bytes.HasPrefix(body[next:], []byte(`:"`)) {
				id, end := plainString(body, next+1)
				if end < 0 || !utf8.Valid(id) {
					return ""
				}
				return string(id)
			}
			i = next
			continue
		}
		i++
	}
	return ""
}

// plainString reads the string whose opening quote is at i; next is what follows it, or
// -1 if it holds an escape or has no end.
func plainString(body []byte, i int) (text []byte, next int) {
	n := bytes.IndexByte(body[i+1:], '"')
	if n < 0 || bytes.IndexByte(body[i+1:i+1+n], '\\') >= 0 {
		return nil, -1
	}
	return body[i+1 : i+1+n], i + n + 2
}

// text is a string that some servers send as a number.
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*t = text(s)
		return nil
	}
	if _, err := strconv.ParseInt(string(b), 10, 64); err == nil {
		*t = text(b)
	}
	return nil
}

// number is a count that some servers send as a string; what is no count is unknown.
type number struct {
	N     int
	Known bool
}

func (n *number) UnmarshalJSON(b []byte) error {
	*n = number{}
	f, err := strconv.ParseFloat(string(bytes.Trim(b, `" `)), 64)
	if err == nil && f >= 0 && f < 1<<31 && f == float64(int(f)) {
		*n = number{N: int(f), Known: true}
	}
	return nil
}

// truth is a boolean that some servers send as a string or a number.
type truth bool

func (t *truth) UnmarshalJSON(b []byte) error {
	v, err := strconv.ParseBool(strings.ToLower(string(bytes.Trim(b, `" `))))
	*t = truth(err == nil && v)
	return nil
}

// maxDetail is how many characters of an error text are kept.
const maxDetail = 400

// decodeError makes a *scim.Error of any answer that is not a success. The status is
// the one of HTTP: bodies are wrong about it now and then.
func (c *Client) decodeError(resp *httpx.Response) *scim.Error {
	e := &scim.Error{Status: resp.Status}
	e.RetryAfter, _ = httpx.RetryAfter(resp.Header, c.opts.Now())
	var body errorBody
	switch trimmed := bytes.TrimSpace(resp.Body); {
	case len(trimmed) == 0:
	case json.Unmarshal(trimmed, &body) == nil:
		e.ScimType = knownType(string(body.ScimType))
		e.Detail = body.text()
	case isWebPage(trimmed):
		e.Detail = htmlTitle(trimmed)
	case trimmed[0] != '{' && trimmed[0] != '[':
		e.Detail = string(trimmed[:min(len(trimmed), 4*maxDetail)])
	}
	e.Detail = tidy(e.Detail)
	return e
}

// errorBody is the union of the shapes that errors come in: RFC 7644 §3.12, SCIM 1.1,
// and those of API gateways and OAuth services.
type errorBody struct {
	ScimType    loose `json:"scimType"`
	Detail      loose `json:"detail"`
	Message     loose `json:"message"`
	Summary     loose `json:"errorSummary"`
	Description loose `json:"error_description"`
	Error       loose `json:"error"`
	Errors      loose `json:"errors"`
}

func (b *errorBody) text() string {
	for _, s := range []loose{b.Detail, b.Message, b.Summary, b.Description, b.Error, b.Errors} {
		if s != "" {
			return string(s)
		}
	}
	return ""
}

// loose is a string, or the text somewhere inside an object or the first element of a
// list: {"error":{"message":"…"}}, {"Errors":[{"description":"…"}]}.
type loose string

func (l *loose) UnmarshalJSON(b []byte) error {
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	*l = loose(inner(v))
	return nil
}

func inner(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		if len(v) > 0 {
			return inner(v[0])
		}
	case map[string]any:
		for _, name := range []string{"message", "detail", "description", "reason", "code"} {
			if m, ok := scim.Member(v, name); ok {
				if s, ok := m.(string); ok {
					return s
				}
			}
		}
	}
	return ""
}

// knownType lets only registered values through: Error prints the scimType, and what a
// server may write there is nobody's promise.
func knownType(s string) string {
	for _, known := range []string{
		scim.TypeInvalidFilter, scim.TypeTooMany, scim.TypeUniqueness, scim.TypeMutability,
		scim.TypeInvalidSyntax, scim.TypeInvalidPath, scim.TypeNoTarget, scim.TypeInvalidValue,
		scim.TypeInvalidVers, scim.TypeSensitive, scim.TypeInvalidCursor, scim.TypeExpiredCursor,
		scim.TypeInvalidCount,
	} {
		if strings.EqualFold(s, known) {
			return known
		}
	}
	return ""
}

// isWebPage looks at the content itself: content types are wrong in both directions.
func isWebPage(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimSpace(body), []byte("<"))
}

var titleTag = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)

func htmlTitle(body []byte) string {
	m := titleTag.FindSubmatch(body[:min(len(body), 64<<10)])
	if m == nil {
		return "the answer is a web page"
	}
	return html.UnescapeString(string(m[1]))
}

// tidy makes one short printable line of what a server wrote.
func tidy(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > maxDetail {
		s = string(runes[:maxDetail]) + "…"
	}
	return s
}

// isAbsent tells whether err says that the server has no such endpoint or ability.
func isAbsent(err error) bool {
	e, ok := errors.AsType[*scim.Error](err)
	if !ok {
		return false
	}
	switch e.Status {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed,
		http.StatusNotAcceptable, http.StatusGone, http.StatusNotImplemented:
		return true
	default:
		return e.Status < http.StatusBadRequest
	}
}
