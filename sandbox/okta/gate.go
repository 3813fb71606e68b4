package okta

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// call is one request to the API, whose sender was recognised.
type call struct {
	org  *Org
	src  *source
	r    *http.Request
	body []byte
	now  time.Time
	// header is of the answer.
	header http.Header
}

// reply is what an operation answers; without a body it is an empty one.
type reply struct {
	status int
	body   any
}

type operation func(*call) (reply, error)

// maxBody bounds what is kept of a body. A load's own limit is lower.
const maxBody = 1 << 20

func (o *Org) routes() http.Handler {
	const root = "/api/v1/identity-sources/{source}"
	mux := http.NewServeMux()
	add := func(path string, methods map[string]operation) { mux.HandleFunc(root+path, o.serve(methods)) }
	add("/sessions", map[string]operation{"GET": listSessions, "POST": createSession})
	add("/sessions/{session}", map[string]operation{"GET": readSession, "DELETE": closeSession})
	add("/sessions/{session}/start-import", map[string]operation{"POST": startImport})
	for path, read := range loads() {
		add("/sessions/{session}/"+path, map[string]operation{"POST": loading(read)})
	}
	add("/users", map[string]operation{"POST": createUser})
	add("/users/{user}", map[string]operation{"GET": readUser, "PUT": replaceUser, "PATCH": updateUser, "DELETE": deleteUser})
	add("/groups", map[string]operation{"POST": createGroup})
	add("/groups/{group}", map[string]operation{"GET": readGroup, "POST": updateGroup, "DELETE": deleteGroup})
	add("/groups/{group}/membership", map[string]operation{"GET": listMembers, "POST": addMember})
	add("/groups/{group}/membership/{member}", map[string]operation{"DELETE": removeMember})
	mux.HandleFunc(signInPath, o.serveToken)
	mux.HandleFunc("/", o.serve(nil))
	return mux
}

// serve answers one path.
func (o *Org) serve(methods map[string]operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil { // it is cut off, so that it is too long or no JSON
			body = append(body, 0)
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		c := &call{org: o, r: r, body: body, now: o.options.Now(), header: w.Header()}
		o.counts.add(r)
		o.advance(c.now)
		answer, err := o.answer(c, methods)
		if err != nil {
			e, _ := errors.AsType[*refusal](err)
			writeJSON(w, e.status, e.document(o.newID("oae")))
			return
		}
		if r.Method != http.MethodGet && o.faults.drops() {
			panic(http.ErrAbortHandler)
		}
		if answer.body == nil {
			w.WriteHeader(answer.status)
			return
		}
		writeJSON(w, answer.status, answer.body)
	}
}

func (o *Org) answer(c *call, methods map[string]operation) (reply, error) {
	if err := o.authorise(c.r, c.now); err != nil {
		return reply{}, err
	}
	if !o.window.admit(c.now, o.options.PerMinute, c.header) {
		return reply{}, throttled()
	}
	if err := o.faults.before(c); err != nil {
		return reply{}, err
	}
	c.src = o.sources[c.r.PathValue("source")]
	operate, ok := methods[c.r.Method]
	switch {
	case methods == nil || c.src == nil:
		return reply{}, notFound("identity source")
	case !ok:
		return reply{}, wrongMethod()
	}
	if len(c.body) > 0 {
		if kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
			return reply{}, wrongMedia()
		}
	}
	return operate(c)
}

// decode reads the body. Members that it does not know are ignored.
func (c *call) decode(into any) error {
	if json.Unmarshal(c.body, into) != nil {
		return malformed()
	}
	return nil
}

// window is the rate limit: so many requests from the first one on for a minute.
type window struct {
	ends time.Time
	used int
}

func (w *window) admit(now time.Time, most int, h http.Header) bool {
	if !now.Before(w.ends) {
		*w = window{ends: now.Add(time.Minute)}
	}
	ok := w.used < most
	if ok {
		w.used++
	}
	h.Set("X-Rate-Limit-Limit", strconv.Itoa(most))
	tell(h, most-w.used, w.ends)
	return ok
}

// tell sets what is left of the limit and when it begins anew, in whole seconds: what
// is begun of one counts, so that who waits as long is let in.
func tell(h http.Header, left int, ends time.Time) {
	h.Set("X-Rate-Limit-Remaining", strconv.Itoa(left))
	h.Set("X-Rate-Limit-Reset", strconv.FormatInt(ends.Add(time.Second-1).Unix(), 10))
}

// Requests says how many requests of each sort have arrived since the organisation was
// made, those included that it refused.
type Requests struct {
	// Tokens are requests for access tokens.
	Tokens int `json:"tokens"`
	// Sessions were made, Loads are bulk requests, Imports were started, Polls are reads of
	// sessions and Cancels their ends.
	Sessions int `json:"sessions"`
	Loads    int `json:"loads"`
	Imports  int `json:"imports"`
	Polls    int `json:"polls"`
	Cancels  int `json:"cancels"`
	// Reads and Writes are of single records.
	Reads  int `json:"reads"`
	Writes int `json:"writes"`
}

// Requests returns the counts until now.
func (o *Org) Requests() Requests {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.counts
}

func (n *Requests) add(r *http.Request) {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/api/v1/identity-sources/"), "/")
	session, last := len(parts) > 1 && parts[1] == "sessions", parts[len(parts)-1]
	switch {
	case session && strings.HasPrefix(last, "bulk-"):
		n.Loads++
	case session && last == "start-import":
		n.Imports++
	case session && r.Method == http.MethodPost:
		n.Sessions++
	case session && r.Method == http.MethodDelete:
		n.Cancels++
	case session:
		n.Polls++
	case r.Method == http.MethodGet:
		n.Reads++
	default:
		n.Writes++
	}
}

// inOrder are the values of a map by key.
func inOrder[K cmp.Ordered, V any](m map[K]V) []V {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	out := make([]V, len(keys))
	for i, k := range keys {
		out[i] = m[k]
	}
	return out
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "the answer could not be encoded", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller has gone if this fails
}
