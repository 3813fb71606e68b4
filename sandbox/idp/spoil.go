package idp

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"simscim/scim"
)

// pass lets the request through, with the faults that only bend it or its answer.
func (p *IDP) pass(w http.ResponseWriter, r *http.Request, path string, f Faults) {
	if f == (Faults{}) {
		p.gate(w, r)
		return
	}
	answer := &held{header: http.Header{}}
	if path == "/Bulk" && p.happens(func(f *Faults) *int { return &f.BulkRefused }) {
		answer.refuse(&scim.Error{Status: http.StatusNotImplemented, Detail: "bulk is not implemented"})
	} else {
		p.gate(answer, p.bendQuery(r, f))
	}
	p.spoil(r, path, answer)
	answer.send(w)
}

// spoil changes the answer as the faults say.
func (p *IDP) spoil(r *http.Request, path string, answer *held) {
	f := p.Faults()
	read := r.Method == http.MethodGet && answer.status == http.StatusOK
	switch {
	case answer.status == http.StatusConflict && f.ConflictAs400:
		answer.refuse(&scim.Error{Status: http.StatusBadRequest, Detail: "another object with the same value exists"})
	case path == "/Bulk" && answer.status == http.StatusOK:
		p.spoilBulk(answer)
	case path == "/ServiceProviderConfig" && f.BulkRefused > 0 && read:
		answer.edit(func(doc map[string]any) {
			doc["bulk"] = map[string]any{"supported": true, "maxOperations": 1000, "maxPayloadSize": 1 << 20}
		})
	case r.Method == http.MethodPatch && answer.status < 300 && strings.HasPrefix(path, scim.Group.Endpoint()) &&
		p.happens(func(f *Faults) *int { return &f.NullMembers }):
		id := strings.TrimPrefix(path, scim.Group.Endpoint()+"/")
		answer.json(http.StatusOK, map[string]any{"schemas": []string{scim.GroupURN}, "id": id, "members": nil})
	case read && r.URL.Query().Has("filter") && answer.empty() && p.happens(func(f *Faults) *int { return &f.NotFound }):
		answer.refuse(&scim.Error{Status: http.StatusNotFound, Detail: "nothing meets the filter"})
	case read:
		p.spoilTypes(answer)
	}
}

// empty tells whether the answer is a list without resources.
func (h *held) empty() bool {
	var list struct {
		Resources *[]json.RawMessage
	}
	return json.Unmarshal(h.body.Bytes(), &list) == nil && list.Resources != nil && len(*list.Resources) == 0
}

func (p *IDP) spoilBulk(answer *held) {
	reversed := p.happens(func(f *Faults) *int { return &f.BulkReversed })
	missing := p.happens(func(f *Faults) *int { return &f.BulkMissing })
	answer.edit(func(doc map[string]any) {
		list, _ := doc["Operations"].([]any)
		if missing && len(list) > 0 {
			list = list[:len(list)-1]
		}
		if reversed {
			slices.Reverse(list)
		}
		doc["Operations"] = list
	})
}

func (p *IDP) spoilTypes(answer *held) {
	numbers := p.happens(func(f *Faults) *int { return &f.NumbersAsText })
	booleans := p.happens(func(f *Faults) *int { return &f.BooleansAsText })
	if !numbers && !booleans {
		return
	}
	answer.edit(func(doc map[string]any) { asText(doc, numbers, booleans) })
}

// asText writes numbers and booleans as strings, in place.
func asText(v any, numbers, booleans bool) any {
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			v[name] = asText(v[name], numbers, booleans)
		}
	case []any:
		for i := range v {
			v[i] = asText(v[i], numbers, booleans)
		}
	case json.Number:
		if numbers {
			return v.String()
		}
	case bool:
		if booleans && v {
			return "True"
		}
		if booleans {
			return "False"
		}
	}
	return v
}

// bendQuery asks the gate for other pages than the client did.
func (p *IDP) bendQuery(r *http.Request, f Faults) *http.Request {
	if r.Method != http.MethodGet || f.PageCap == 0 && f.PageRepeat == 0 && f.PageSkip == 0 {
		return r
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil { // the service provider refuses it
		return r
	}
	if f.PageCap > 0 {
		bendNumber(values, "count", f.PageCap, func(n int) int { return min(n, f.PageCap) })
	}
	bendNumber(values, "startIndex", 0, func(n int) int {
		switch {
		case n > 1 && p.happens(func(f *Faults) *int { return &f.PageRepeat }):
			return n - 1
		case n > 1 && p.happens(func(f *Faults) *int { return &f.PageSkip }):
			return n + 1
		default:
			return n
		}
	})
	r = r.Clone(r.Context())
	r.URL.RawQuery = values.Encode()
	return r
}

// bendNumber changes a parameter that is a number, in any spelling of its name; without
// one it becomes fallback, unless that is zero.
func bendNumber(values url.Values, name string, fallback int, change func(int) int) {
	for given := range values {
		if !strings.EqualFold(given, name) {
			continue
		}
		if n, err := strconv.Atoi(values.Get(given)); err == nil {
			values.Set(given, strconv.Itoa(change(n)))
		}
		return
	}
	if fallback > 0 {
		values.Set(name, strconv.Itoa(fallback))
	}
}
