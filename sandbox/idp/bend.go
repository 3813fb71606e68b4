package idp

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"simscim/scim"
	"simscim/scim/server"
)

// held keeps an answer back, so that it can be changed or lost.
type held struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (h *held) Header() http.Header { return h.header }

func (h *held) WriteHeader(status int) { h.status = status }

func (h *held) Write(b []byte) (int, error) { return h.body.Write(b) }

// refuse puts an error in place of the answer.
func (h *held) refuse(e *scim.Error) {
	h.body.Reset()
	server.WriteError(h, e)
}

// json puts a document in place of the body.
func (h *held) json(status int, doc any) {
	b, err := json.Marshal(doc)
	if err != nil { // it came from JSON, or is ours
		panic(err)
	}
	h.status = status
	h.body.Reset()
	h.body.Write(b)
	h.header.Set("Content-Type", scim.MediaType)
	h.header.Set("Content-Length", strconv.Itoa(len(b)))
}

// edit lets change work on the body, if it is a JSON object.
func (h *held) edit(change func(doc map[string]any)) {
	var doc map[string]any
	d := json.NewDecoder(bytes.NewReader(h.body.Bytes()))
	d.UseNumber()
	if d.Decode(&doc) != nil || doc == nil {
		return
	}
	change(doc)
	h.json(h.status, doc)
}

func (h *held) send(w http.ResponseWriter) {
	maps.Copy(w.Header(), h.header)
	w.WriteHeader(h.status)
	_, _ = w.Write(h.body.Bytes()) // the client has gone if this fails
}

// bend makes the service provider's answer the personality's.
func (p *IDP) bend(c *call, answer *held) {
	if answer.status >= 400 {
		p.bendError(answer)
		return
	}
	b := p.as.bend
	if b.relative {
		if at := answer.header.Get("Location"); at != "" {
			answer.header.Set("Location", p.relative(at))
		}
	}
	if c.path == "/ServiceProviderConfig" {
		if len(p.as.config) > 0 {
			answer.edit(func(doc map[string]any) { maps.Copy(doc, p.as.config) })
		}
		return
	}
	if c.kind == "" || !b.noMembers && !b.emptyMembers && !b.lowerResources && !b.relative {
		return
	}
	if b.emptyPatch && c.kind == scim.Group && c.r.Method == http.MethodPatch {
		answer.json(http.StatusOK, map[string]any{})
		return
	}
	answer.edit(func(doc map[string]any) {
		list, isList := doc["Resources"].([]any)
		if !isList {
			p.bendResource(doc, c.kind)
			return
		}
		for _, item := range list {
			if res, ok := item.(map[string]any); ok {
				p.bendResource(res, c.kind)
			}
		}
		if b.lowerResources {
			delete(doc, "Resources")
			doc["resources"] = list
		}
		if b.filteredTotals && c.filter == nil {
			delete(doc, "totalResults")
		}
	})
}

func (p *IDP) bendResource(res map[string]any, kind scim.Kind) {
	b := p.as.bend
	if kind == scim.Group && b.noMembers {
		delete(res, "members")
	}
	if kind == scim.Group && b.emptyMembers {
		res["members"] = []any{}
	}
	meta, _ := res["meta"].(map[string]any)
	if meta == nil {
		return
	}
	for _, name := range b.meta[kind] {
		delete(meta, name)
	}
	if at, ok := meta["location"].(string); ok && b.relative {
		meta["location"] = p.relative(at)
	}
	if name, ok := meta["resourceType"].(string); ok && b.lowerTypes {
		meta["resourceType"] = strings.ToLower(name)
	}
}

// relative writes "https://host/scim/v2/Users/7" as "/users/7".
func (p *IDP) relative(location string) string {
	_, at, _ := strings.Cut(location, p.options.BasePath)
	for _, kind := range []scim.Kind{scim.User, scim.Group} {
		if rest, ok := strings.CutPrefix(at, kind.Endpoint()); ok {
			return strings.ToLower(kind.Endpoint()) + rest
		}
	}
	return at
}

func (p *IDP) bendError(answer *held) {
	if answer.status == http.StatusConflict && p.as.conflict != 0 {
		answer.status = p.as.conflict
		answer.edit(func(doc map[string]any) {
			delete(doc, "scimType")
			doc["status"] = strconv.Itoa(p.as.conflict)
			doc["detail"] = "another object with the same value for a unique property exists"
		})
	}
	if p.as.dress != nil {
		answer.edit(func(doc map[string]any) { p.as.dress(p, answer.status, doc) })
	}
}
