package generic_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"simscim/scim"
	"simscim/scim/filter"
	"simscim/scim/patch"
)

// quirks are the ways in which servers differ.
type quirks struct {
	noPatch, noFilter, ignoreFilter, hideMembers, noExternalID bool
	// noDiscovery answers 404 to the three documents, and oddDiscovery with other shapes.
	noDiscovery, oddDiscovery bool
	// maxMembers refuses PATCHes with more members by 413, and maxInline POSTs.
	maxMembers, maxInline int
	// checkMembers refuses a whole PATCH for one unknown member.
	checkMembers bool
	// pageCap is the most resources a page, whatever is asked for.
	pageCap int
	// cursors pages by RFC 9865, without totals and in lower case.
	cursors bool
	// conflict400 answers 400 without scimType to a name that is taken.
	conflict400 bool
	// mute answers 201 without a body, and silent without a Location as well.
	mute, silent bool
	// versions wants If-Match on every change.
	versions bool
	// noRename refuses to change a group's displayName.
	noRename bool
	// bulk takes so many operations in a bulk request of at most bulkBytes (0 is any), and
	// bulkStops stops after so many (0 is never) without a word about the rest.
	bulk, bulkBytes, bulkStops int
	// bulkObject writes a status as {"code": "201"}.
	bulkObject bool
	// search takes POST /.search.
	search bool
}

// fake is a SCIM server in memory.
type fake struct {
	quirks

	mu      sync.Mutex
	next    int
	order   []string
	objects map[string]map[string]any
	kinds   map[string]scim.Kind
}

func newFake(t testing.TB, q quirks) (*fake, string) {
	t.Helper()
	f := &fake{quirks: q, objects: map[string]map[string]any{}, kinds: map[string]scim.Kind{}}
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return f, s.URL + "/scim"
}

// get returns a copy of what the server holds.
func (f *fake) get(id string) map[string]any {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.objects[id])
}

// set changes what the server holds behind everybody's back.
func (f *fake) set(id, name string, value any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.objects[id][name] = value
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer token" {
		refuse(w, &scim.Error{Status: http.StatusUnauthorized})
		return
	}
	if f.bulk > 0 && r.URL.Path == "/scim/Bulk" {
		if err := f.serveBulk(w, r); err != nil {
			refuse(w, err)
		}
		return
	}
	f.serve(w, r)
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/scim")
	parts := strings.SplitN(strings.Trim(path, "/"), "/", 2)
	kind := scim.Kind(strings.TrimSuffix(parts[0], "s"))
	switch parts[0] { // as Entra ID writes them
	case "users":
		kind = scim.User
	case "groups":
		kind = scim.Group
	}
	var err error
	switch {
	case kind != scim.User && kind != scim.Group:
		f.discovery(w, path)
		return
	case len(parts) == 1 && r.Method == http.MethodGet:
		err = f.list(w, r, kind)
	case len(parts) == 2 && parts[1] == ".search" && r.Method == http.MethodPost && f.search:
		var q struct {
			Filter            string
			Count, StartIndex int
		}
		if err = json.NewDecoder(r.Body).Decode(&q); err == nil {
			r.URL.RawQuery = url.Values{"filter": {q.Filter}, "count": {strconv.Itoa(q.Count)}, "startIndex": {strconv.Itoa(q.StartIndex)}}.Encode()
			err = f.list(w, r, kind)
		}
	case len(parts) == 1 && r.Method == http.MethodPost:
		err = f.create(w, r, kind)
	case len(parts) == 2:
		err = f.one(w, r, kind, parts[1])
	default:
		err = &scim.Error{Status: http.StatusMethodNotAllowed}
	}
	if err != nil {
		refuse(w, err)
	}
}

// serveBulk carries out RFC 7644 §3.7 as far as the product uses it.
func (f *fake) serveBulk(w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	var m struct {
		Operations []struct {
			Method, BulkID, Version, Path string
			Data                          json.RawMessage
		}
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return err
	}
	if len(m.Operations) > f.bulk || f.bulkBytes > 0 && len(body) > f.bulkBytes {
		return &scim.Error{Status: http.StatusRequestEntityTooLarge}
	}
	answers := []any{}
	for i, op := range m.Operations {
		if f.bulkStops > 0 && i >= f.bulkStops {
			break
		}
		sub := httptest.NewRequestWithContext(r.Context(), op.Method, "/scim"+op.Path, bytes.NewReader(op.Data))
		sub.Header.Set("If-Match", op.Version)
		rec := httptest.NewRecorder()
		f.serve(rec, sub)
		one := map[string]any{"method": op.Method, "bulkId": op.BulkID, "status": strconv.Itoa(rec.Code)}
		if f.bulkObject {
			one["status"] = map[string]any{"code": strconv.Itoa(rec.Code)}
		}
		if rec.Body.Len() > 0 {
			one["response"] = json.RawMessage(rec.Body.Bytes())
		}
		answers = append([]any{one}, answers...) // in an order of its own
	}
	answer(w, http.StatusOK, map[string]any{"schemas": []string{scim.BulkResponseURN}, "Operations": answers})
	return nil
}

func refuse(w http.ResponseWriter, err error) {
	e, ok := errors.AsType[*scim.Error](err)
	if !ok {
		e = &scim.Error{Status: http.StatusBadRequest, Detail: err.Error()}
	}
	answer(w, e.Status, map[string]any{
		"schemas": []string{scim.ErrorURN}, "status": strconv.Itoa(e.Status), "scimType": e.ScimType, "detail": e.Detail,
	})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", scim.MediaType)
	w.WriteHeader(status)
	if body != nil {
		_ = json.NewEncoder(w).Encode(body)
	}
}

func (f *fake) discovery(w http.ResponseWriter, path string) {
	switch {
	case f.noDiscovery:
		w.WriteHeader(http.StatusNotFound)
	case f.oddDiscovery && path == "/ServiceProviderConfig":
		answer(w, 200, map[string]any{"Patch": map[string]any{"Supported": "true"}, "FILTER": map[string]any{"supported": 1, "maxResults": "50"}})
	case f.oddDiscovery:
		answer(w, 200, []any{"what", nil, map[string]any{"name": 7}})
	case path == "/ServiceProviderConfig":
		doc := map[string]any{
			"patch": map[string]any{"supported": !f.noPatch}, "etag": map[string]any{"supported": f.versions},
			"filter": map[string]any{"supported": !f.noFilter, "maxResults": 200},
		}
		if f.cursors {
			doc["pagination"] = map[string]any{"cursor": true, "index": false, "maxPageSize": 40}
		}
		answer(w, 200, doc)
	case path == "/ResourceTypes":
		answer(w, 200, map[string]any{"Resources": []any{
			map[string]any{"name": "User", "endpoint": "/Users", "schema": scim.UserURN},
			map[string]any{"name": "Group", "endpoint": "/Groups", "schema": scim.GroupURN},
		}})
	case path == "/Schemas":
		returned, mutability := "default", "readWrite"
		if f.hideMembers {
			returned = "never"
		}
		if f.noRename {
			mutability = "immutable"
		}
		answer(w, 200, map[string]any{"Resources": []any{map[string]any{"id": scim.GroupURN, "attributes": []any{
			map[string]any{"name": "members", "returned": returned}, map[string]any{"name": "displayName", "mutability": mutability},
		}}}})
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (f *fake) shown(res map[string]any) map[string]any {
	out := maps.Clone(res)
	if f.hideMembers {
		delete(out, "members")
	}
	if f.noExternalID {
		delete(out, "externalId")
	}
	return out
}

func (f *fake) list(w http.ResponseWriter, r *http.Request, kind scim.Kind) error {
	q := r.URL.Query()
	var wanted filter.Expr
	if text := q.Get("filter"); text != "" && !f.ignoreFilter {
		e, err := filter.Parse(text)
		if err != nil || f.noFilter {
			return &scim.Error{Status: 400, ScimType: scim.TypeInvalidFilter}
		}
		wanted = e
	}
	var found []any
	for _, id := range f.order {
		if res := f.shown(f.objects[id]); f.kinds[id] == kind && (wanted == nil || filter.Match(wanted, res)) {
			found = append(found, res)
		}
	}
	size, err := strconv.Atoi(q.Get("count"))
	if err != nil {
		size = 100
	}
	if f.pageCap > 0 {
		size = min(size, f.pageCap)
	}
	start, _ := strconv.Atoi(q.Get("startIndex") + q.Get("cursor"))
	start = max(start-1, 0)
	page := found[min(start, len(found)):min(start+size, len(found))]
	if !f.cursors {
		answer(w, 200, map[string]any{"schemas": []string{scim.ListResponseURN}, "totalResults": len(found), "Resources": page})
		return nil
	}
	body := map[string]any{"schemas": []string{scim.ListResponseURN}, "resources": page}
	if start+size < len(found) {
		body["nextCursor"] = strconv.Itoa(start + size + 1)
	}
	answer(w, 200, body)
	return nil
}

func (f *fake) create(w http.ResponseWriter, r *http.Request, kind scim.Kind) error {
	var res map[string]any
	if err := json.NewDecoder(r.Body).Decode(&res); err != nil {
		return err
	}
	if list, _ := res["members"].([]any); f.maxInline > 0 && len(list) > f.maxInline {
		return &scim.Error{Status: http.StatusRequestEntityTooLarge}
	}
	if err := f.check(kind, "", res); err != nil {
		return err
	}
	f.next++
	id := fmt.Sprintf("id/%d é", f.next)
	res["id"], res["meta"] = id, map[string]any{"version": "1", "location": "https://elsewhere.invalid/x"}
	f.objects[id], f.kinds[id], f.order = res, kind, append(f.order, id)
	switch {
	case f.silent:
		w.WriteHeader(http.StatusCreated)
	case f.mute:
		w.Header().Set("Location", "/other/base"+kind.Endpoint()+"/"+strings.ReplaceAll(strings.ReplaceAll(id, "/", "%2F"), " ", "%20"))
		w.WriteHeader(http.StatusCreated)
	default:
		answer(w, http.StatusCreated, f.shown(res))
	}
	return nil
}

// check refuses names that are taken and members that are not known.
func (f *fake) check(kind scim.Kind, self string, res map[string]any) error {
	name, _ := res["userName"].(string)
	for id, other := range f.objects {
		if have, _ := other["userName"].(string); kind == scim.User && id != self && scim.Fold(have) == scim.Fold(name) {
			if f.conflict400 {
				return &scim.Error{Status: 400, Detail: "The value " + name + " is not valid"}
			}
			return &scim.Error{Status: 409, ScimType: scim.TypeUniqueness, Detail: name + " is taken"}
		}
	}
	list, _ := res["members"].([]any)
	for _, m := range list {
		id, _ := m.(map[string]any)["value"].(string)
		if _, known := f.objects[id]; f.checkMembers && !known {
			return &scim.Error{Status: 400, ScimType: scim.TypeInvalidValue, Detail: "Resource '" + id + "' does not exist"}
		}
	}
	return nil
}

func (f *fake) one(w http.ResponseWriter, r *http.Request, kind scim.Kind, id string) error {
	res, ok := f.objects[id]
	if !ok || f.kinds[id] != kind {
		return &scim.Error{Status: 404, Detail: "no " + id}
	}
	version, _ := res["meta"].(map[string]any)["version"].(string)
	if r.Method == http.MethodGet {
		answer(w, 200, f.shown(res))
		return nil
	}
	if f.versions {
		if match := r.Header.Get("If-Match"); match == "" {
			return &scim.Error{Status: http.StatusPreconditionRequired}
		} else if match != version {
			return &scim.Error{Status: http.StatusPreconditionFailed}
		}
	}
	changed, err := f.changed(r, res)
	if err != nil {
		return err
	}
	if changed == nil {
		delete(f.objects, id)
		f.order = slices.DeleteFunc(f.order, func(other string) bool { return other == id })
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if f.noRename && kind == scim.Group && changed["displayName"] != res["displayName"] {
		return &scim.Error{Status: 400, ScimType: scim.TypeMutability}
	}
	if err := f.check(kind, id, changed); err != nil {
		return err
	}
	n, _ := strconv.Atoi(version)
	changed["id"], changed["meta"] = id, map[string]any{"version": strconv.Itoa(n + 1)}
	f.objects[id] = changed
	if r.Method == http.MethodPut {
		answer(w, 200, f.shown(changed))
		return nil
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// changed returns the resource after the call, nil after a deletion.
func (f *fake) changed(r *http.Request, res map[string]any) (map[string]any, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	switch {
	case r.Method == http.MethodDelete:
		return nil, nil
	case r.Method == http.MethodPut:
		var out map[string]any
		return out, json.Unmarshal(body, &out)
	case r.Method == http.MethodPatch && !f.noPatch:
		if n := strings.Count(string(body), `"value":"id/`) + strings.Count(string(body), `members[`); f.maxMembers > 0 && n > f.maxMembers {
			return nil, &scim.Error{Status: http.StatusRequestEntityTooLarge}
		}
		ops, err := patch.Decode(body)
		if err != nil {
			return nil, err
		}
		return patch.Apply(res, ops)
	default:
		return nil, &scim.Error{Status: http.StatusNotImplemented}
	}
}
