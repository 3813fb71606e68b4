package oneroster

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// problem is an error or a warning.
type problem struct {
	status int
	// minor is 1.1's code; 1.2 spells some of them without blanks.
	minor, description string
}

func (p *problem) minor12() string {
	switch p.minor {
	case "full success", "unknown object", "invalid data":
		return strings.ReplaceAll(p.minor, " ", "")
	case "unauthorized":
		return "unauthorisedrequest"
	case "invalid_blank_selection_field":
		return "invalid_selection_field"
	default:
		return p.minor
	}
}

func problemOf(status int) *problem {
	switch status {
	case http.StatusUnauthorized:
		return &problem{status, "unauthorized", "the request has no valid credentials"}
	case http.StatusForbidden:
		return &problem{status, "forbidden", "the credentials do not allow this"}
	case http.StatusNotFound:
		return &problem{status, "unknown object", "there is no such object"}
	case http.StatusMethodNotAllowed:
		return &problem{status, "unsupported", "this takes GET only"}
	case http.StatusTooManyRequests:
		return &problem{status, "server_busy", "there are too many requests"}
	case http.StatusServiceUnavailable:
		return &problem{status, "server_busy", "the service is offline for maintenance, try again later"}
	default:
		return &problem{status, "internal_server_error", "something went wrong, try again later"}
	}
}

func bad(description string) *problem {
	return &problem{http.StatusBadRequest, "invalid data", description}
}

// info is the body's part about the problem: a plain object in 1.2, an element of the
// list statusInfoSet in 1.1.
func (p *problem) info(v Version, on switches) object {
	major, severity := "failure", "error"
	if p.status == http.StatusOK {
		major, severity = "success", "warning"
	}
	prefix := "imsx_"
	if on.has(BareErrors) {
		prefix = ""
	}
	o := object{{prefix + "codeMajor", major}, {prefix + "severity", severity}}
	if v == V12 {
		o.set(prefix+"description", p.description)
		o.set(prefix+"CodeMinor", object{{prefix + "codeMinorField", []object{{
			{prefix + "codeMinorFieldName", "TargetEndSystem"}, {prefix + "codeMinorFieldValue", p.minor12()},
		}}}})
		return o
	}
	o.set(prefix+"codeMinor", p.minor)
	o.set(prefix+"description", p.description)
	o.set(prefix+"operationRefIdentifier", nil)
	o.set(prefix+"messageRefIdentifier", nil)
	return o
}

// write answers with the problem.
func (p *problem) write(w http.ResponseWriter, v Version, on switches) {
	body := p.info(v, on)
	if v == V11 {
		body = object{{"statusInfoSet", []object{body}}}
	}
	out := jsonWriter{on: switches{}}
	out.object(body)
	if p.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="OneRoster sandbox"`)
	}
	writeBody(w, p.status, out.b)
}

func writeBody(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller has gone if this fails
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "the answer could not be encoded", http.StatusInternalServerError)
		return
	}
	writeBody(w, status, body)
}
