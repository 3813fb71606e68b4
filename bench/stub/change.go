package stub

import (
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"simscim/scim"
	"simscim/scim/filter"
	"simscim/scim/patch"
)

// maxPage is how many resources a page of a list holds at most.
const maxPage = 200

// get answers with one resource.
func (s *Server) get(w http.ResponseWriter, r *http.Request, kind scim.Kind) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	res, ok := s.kinds[kind].byID[r.PathValue("id")]
	if !ok {
		fail(w, http.StatusNotFound, "", "there is no such resource")
		return
	}
	answer(w, http.StatusOK, res)
}

// list answers with the resources that the filter picks, page by page (RFC 7644 §3.4.2).
func (s *Server) list(w http.ResponseWriter, r *http.Request, kind scim.Kind) {
	q := r.URL.Query()
	s.mu.RLock()
	defer s.mu.RUnlock()
	found, ok := s.pick(kind, q.Get("filter"))
	if !ok {
		fail(w, http.StatusBadRequest, scim.TypeInvalidFilter, "the filter is not understood")
		return
	}
	start, count := number(q.Get("startIndex"), 1), min(number(q.Get("count"), maxPage), maxPage)
	from := min(max(start, 1)-1, len(found))
	page := found[from:min(from+max(count, 0), len(found))]
	answer(w, http.StatusOK, map[string]any{
		"schemas":      []string{scim.ListResponseURN},
		"totalResults": len(found), "startIndex": from + 1, "itemsPerPage": len(page), "Resources": page,
	})
}

// pick returns the resources that a filter holds for. External ids and names, which is
// all that provisioning asks for, are looked up; anything else is tried one by one.
func (s *Server) pick(kind scim.Kind, text string) (found []map[string]any, ok bool) {
	k := s.kinds[kind]
	found = []map[string]any{}
	if text == "" {
		for _, id := range k.order {
			found = append(found, k.byID[id])
		}
		return found, true
	}
	expr, err := filter.Parse(text)
	if err != nil {
		return nil, false
	}
	if value, is := filter.Equality(expr, "externalId"); is {
		if res, there := k.byID[k.external[value]]; there {
			found = append(found, res)
		}
		return found, true
	}
	if value, is := filter.Equality(expr, "userName"); is && kind == scim.User {
		if res, there := k.byID[k.names[strings.ToLower(value)]]; there {
			found = append(found, res)
		}
		return found, true
	}
	for _, id := range k.order {
		if filter.Match(expr, k.byID[id]) {
			found = append(found, k.byID[id])
		}
	}
	return found, true
}

// patch changes a resource (RFC 7644 §3.5.2). The stored one is replaced, never
// changed, so that an answer under way stays whole.
func (s *Server) patch(w http.ResponseWriter, r *http.Request, kind scim.Kind) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		fail(w, http.StatusBadRequest, scim.TypeInvalidSyntax, "the body could not be read")
		return
	}
	ops, err := patch.Decode(body)
	if err != nil {
		fail(w, http.StatusBadRequest, scim.TypeInvalidSyntax, "the message is not understood")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k, id := s.kinds[kind], r.PathValue("id")
	old, ok := k.byID[id]
	if !ok {
		fail(w, http.StatusNotFound, "", "there is no such resource")
		return
	}
	res, err := patch.Apply(old, ops)
	if err != nil {
		fail(w, http.StatusBadRequest, scim.TypeInvalidValue, "an operation cannot be carried out")
		return
	}
	before, after := strings.ToLower(name(kind, old)), strings.ToLower(name(kind, res))
	if holder, taken := k.names[after]; taken && holder != id && kind == scim.User {
		fail(w, http.StatusConflict, scim.TypeUniqueness, "another resource has this name")
		return
	}
	if before != after {
		delete(k.names, before)
	}
	k.names[after] = id
	meta, _ := old["meta"].(map[string]any)
	meta = maps.Clone(meta)
	meta["lastModified"] = s.opts.Now().UTC()
	res["id"], res["meta"] = id, meta
	k.byID[id] = res
	answer(w, http.StatusOK, res)
}

func number(s string, otherwise int) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return otherwise
	}
	return n
}
