package rest

import (
	"encoding/json"
	"slices"
	"strings"
)

// imsx is what the standard's status payload says. Version 1.1 puts a list of it under
// statusInfoSet, also beside a collection; 1.2 has it as one object; some services leave
// the prefix "imsx_" out.
type imsx struct {
	major string
	// minor holds those code minor values that are known, and nothing else: descriptions
	// may repeat anything.
	minor []string
}

// The code minor values of both versions, without blanks and underscores.
func knownMinor() []string {
	return []string{
		"fullsuccess", "unknownobject", "invaliddata", "unauthorized", "unauthorised", "unauthorisedrequest", "forbidden",
		"serverbusy", "internalservererror", "invalidsortfield", "invalidselectionfield", "invalidfilterfield",
		"invalidblankselectionfield", "deletefailure", "unsupported",
	}
}

// isStatusField tells the fields of the status payload from others.
func isStatusField(name string) bool {
	switch statusName(name) {
	case "codemajor", "codeminor", "statusinfoset", "statusinfo", "errors":
		return true
	default:
		return false
	}
}

func statusName(name string) string {
	return strings.TrimPrefix(strings.ToLower(name), "imsx_")
}

// field reads one field of the payload from the decoder.
func (s *imsx) field(dec *json.Decoder, name string) error {
	var v any
	if err := dec.Decode(&v); err != nil {
		return err
	}
	s.take(name, v, 0)
	return nil
}

// take looks for code words in a value of the payload, whatever its shape.
func (s *imsx) take(name string, v any, depth int) {
	if depth > 5 {
		return
	}
	switch v := v.(type) {
	case string:
		s.text(statusName(name), v)
	case []any:
		for _, one := range v {
			s.take(name, one, depth+1)
		}
	case map[string]any:
		for n, one := range v {
			s.take(n, one, depth+1)
		}
	}
}

func (s *imsx) text(name, value string) {
	switch name {
	case "codemajor":
		// Of several the worst counts.
		if word := strings.ToLower(strings.TrimSpace(value)); s.major == "" || word == "failure" {
			s.major = word
		}
	case "codeminor", "codeminorvalue", "codeminorfieldvalue":
		word := strings.NewReplacer(" ", "", "_", "", "-", "").Replace(strings.ToLower(value))
		if slices.Contains(knownMinor(), word) && !slices.Contains(s.minor, word) {
			s.minor = append(s.minor, word)
			slices.Sort(s.minor)
		}
	}
}

// failed tells whether the payload reports a failure.
func (s imsx) failed() bool { return s.major == "failure" || s.major == "unsupported" }

func (s imsx) has(minor string) bool { return slices.Contains(s.minor, minor) }

// word names the reported code in an error, in brackets, or is empty.
func (s imsx) word() string {
	words := slices.DeleteFunc(slices.Clone(s.minor), func(w string) bool { return w == "fullsuccess" })
	if len(words) == 0 {
		return ""
	}
	return " (" + strings.Join(words, ", ") + ")"
}

// parseImsx reads the payload of an answer that is no success. What cannot be read is
// the empty payload: the HTTP status remains.
func parseImsx(body []byte) imsx {
	var s imsx
	var v any
	if json.Unmarshal(body, &v) == nil {
		s.take("", v, 0)
	}
	return s
}
