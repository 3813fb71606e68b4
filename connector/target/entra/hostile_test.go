package entra_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"simscim/connector/plan"
	"simscim/connector/target"
	sandbox "simscim/sandbox/entra"
	"simscim/scim"
)

// answering stands in for Graph where the path holds the text and the body the other.
func answering(path, body string, status int, answer string) setting {
	return setting{wrap: func(next http.Handler) http.Handler { return refuse(next, path, body, status, answer) }}
}

// Answers that are not what they ought to be are errors, and never taken for a success.
func TestStrangeAnswersToGroups(t *testing.T) {
	t.Parallel()
	const good = "00000000-0000-4000-8000-00000000beef"
	for name, tt := range map[string]struct {
		path, body string
		status     int
		answer     string
	}{
		"no id":            {"uniqueName", "Choir", 201, `{"id":""}`},
		"an id that leads": {"uniqueName", "Choir", 201, `{"id":"x/members/` + good + `"}`},
		"an id with more":  {"uniqueName", "Choir", 201, `{"id":"` + good + `?a"}`},
		"not JSON":         {"uniqueName", "Choir", 201, `<html>sign in</html>`},
		"an id of numbers": {"uniqueName", "Choir", 201, `{"id":7}`},
		"a redirect":       {"uniqueName", "Choir", 302, ``},
		"empty batch":      {"$batch", "members", 200, `{}`},
		"other parts":      {"$batch", "members", 200, `{"responses":[{"id":"77","status":204}]}`},
		"negative part":    {"$batch", "members", 200, `{"responses":[{"id":"-1","status":204}]}`},
		"no status":        {"$batch", "members", 200, `{"responses":[{"id":"0"},{"id":"1"}]}`},
		"parts not JSON":   {"$batch", "members", 200, `{"responses":"all well"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, keys := filled(t, 30, answering(tt.path, tt.body, tt.status, tt.answer))
			list := w.apply(group("g", "Choir", keys...))["g"]
			o := list[len(list)-1]
			if !o.Final || o.Err == nil || o.Advice == "" || o.Gone {
				t.Errorf("the outcome is %+v", o)
			}
			if n := len(added(list)); n > 20 {
				t.Errorf("%d members are confirmed without proof", n)
			}
			w.nobodyDeleted()
		})
	}
}

func TestStrangeLists(t *testing.T) {
	t.Parallel()
	const user = `{"id":"00000000-0000-4000-8000-00000000beef","employeeId":"k"}`
	for name, answer := range map[string]string{
		"elsewhere":   `{"value":[` + user + `],"@odata.nextLink":"https://evil.example/v1.0/users?a"}`,
		"in circles":  `{"value":[` + user + `],"@odata.nextLink":"%base/v1.0/users?$select=id,employeeId,userPrincipalName&$top=999"}`,
		"no id":       `{"value":[{"employeeId":"k"}]}`,
		"id of a map": `{"value":[{"id":{}}]}`,
		"not a list":  `{"value":{}}`,
		"cut off":     `{"value":[` + user,
		"page":        `<html>`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var base string
			w := newWorld(t, setting{wrap: func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/v1.0/users" && strings.Contains(r.URL.RawQuery, "999") {
						_, _ = fmt.Fprint(w, strings.ReplaceAll(answer, "%base", base))
						return
					}
					next.ServeHTTP(w, r)
				})
			}})
			base = w.server.URL
			var last error
			n := 0
			for _, err := range w.target.List(t.Context(), scim.User, []scim.Path{"userName"}) {
				last = err
				n++
			}
			if last == nil || n > 2 {
				t.Errorf("the list gives %d, and ends with %v", n, last)
			}
			if found, err := w.target.Find(t.Context(), scim.User, "externalId", "k", nil); err == nil {
				t.Errorf("a search gives %v", found)
			}
		})
	}
}

// Entries of another job, of other people and without a time say nothing of ours.
func TestStrangeLog(t *testing.T) {
	t.Parallel()
	entry := func(job, at, key, id string) string {
		return fmt.Sprintf(`{"jobId":%q,"activityDateTime":%q,"sourceIdentity":{"id":%q},"targetIdentity":{"id":%q},"provisioningStatusInfo":{"status":"success"}}`, job, at, key, id)
	}
	const id, late = "00000000-0000-4000-8000-00000000beef", "2026-09-01T03:00:00Z"
	for name, tt := range map[string]struct {
		entries string
		told    bool
		fails   bool
	}{
		"another job":    {entries: entry("other", late, "k", id)},
		"somebody else":  {entries: entry("%job", late, "K", id)},
		"no time":        {entries: strings.Replace(entry("%job", late, "k", id), `"activityDateTime":"`+late+`",`, "", 1)},
		"ours":           {entries: entry("%job", late, "k", id), told: true},
		"no account":     {entries: entry("%job", late, "k", ""), told: true, fails: true},
		"strange id":     {entries: entry("%job", late, "k", "../x"), told: true, fails: true},
		"no status":      {entries: strings.Replace(entry("%job", late, "k", id), "success", "", 1), told: true, fails: true},
		"newest counts":  {entries: entry("%job", late, "k", id) + "," + strings.Replace(entry("%job", "2026-09-01T03:00:01Z", "k", id), "success", "failure", 1), told: true, fails: true},
		"warning":        {entries: strings.Replace(entry("%job", late, "k", id), "success", "warning", 1), told: true},
		"out of scope":   {entries: strings.Replace(entry("%job", late, "k", id), `"success"`, `"skipped","errorInformation":{"errorCode":"NotEffectivelyEntitled"}`, 1), told: true, fails: true},
		"nothing to do":  {entries: strings.Replace(entry("%job", late, "k", id), `"success"`, `"skipped","errorInformation":{"errorCode":"RedundantExport"}`, 1), told: true},
		"time is a name": {entries: strings.Replace(entry("%job", late, "k", id), late, "Zebedee", 1), fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var job string
			w := newWorld(t, setting{wrap: func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if strings.HasSuffix(r.URL.Path, "/auditLogs/provisioning") {
						_, _ = fmt.Fprintf(w, `{"value":[%s]}`, strings.ReplaceAll(tt.entries, "%job", job))
						return
					}
					next.ServeHTTP(w, r)
				})
			}})
			job = w.cfg.Job
			got, err := w.target.Results(t.Context(), []target.Pending{{Kind: scim.User, Key: "k", Since: w.clock.Now()}})
			if len(got) == 1 {
				err = got[0].Err
			}
			if (len(got) == 1) != tt.told || (err != nil) != tt.fails {
				t.Errorf("told are %+v, and the error is %v", got, err)
			}
			if err != nil && strings.Contains(err.Error(), "Zebedee") {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// What Microsoft recommends is passed on without the values of the entry.
func TestRecommendedAction(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "/auditLogs/provisioning") {
				next.ServeHTTP(w, r)
				return
			}
			_, _ = fmt.Fprint(w, `{"value":[{"jobId":"API2AAD.1","activityDateTime":"2026-09-01T03:00:00Z","sourceIdentity":{"id":"k-77","displayName":"Zebedee Quizzle"},
				"modifiedProperties":[{"displayName":"department","newValue":"Astronomy Club"}],
				"provisioningStatusInfo":{"status":"failure","errorInformation":{"errorCode":"Zebedee","reason":"Zebedee is wrong",
				"recommendedAction":"Rename quizzle of the ASTRONOMY club, record k-77 ('Zeb'), z.quizzle@oakfield.example, and upload again."}}}]}`)
		})
	}})
	w.cfg.Job = "API2AAD.1"
	w.target = w.newTarget()
	got, err := w.target.Results(t.Context(), []target.Pending{{Kind: scim.User, Key: "k-77", Since: w.clock.Now()}})
	if err != nil || len(got) != 1 || got[0].Err == nil {
		t.Fatalf("told are %+v (%v)", got, err)
	}
	text := strings.ToLower(got[0].Advice + got[0].Err.Error())
	if !strings.Contains(text, "and upload again") {
		t.Errorf("the advice is %q", text)
	}
	for _, word := range []string{"zeb", "quizzle", "astronomy", "k-77"} {
		if strings.Contains(text, word) {
			t.Errorf("%q is repeated in %q", word, text)
		}
	}
}

// An upload is taken by 202 and nothing else: a proxy's page is no success.
func TestStrangeAnswersToUploads(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"200": 200, "204": 204, "redirect": 302, "teapot": 418} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, answering("bulkUpload", "pupil", status, ""))
			ch := user("pupil", "pupil@oakfield.example")
			if o := w.apply(ch)["pupil"][0]; o.Accepted || o.Err == nil || o.Advice == "" {
				t.Errorf("the outcome is %+v", o)
			}
			if n := w.Requests()[sandbox.Uploads]; n != 0 {
				t.Errorf("%d uploads arrived", n)
			}
		})
	}
}

// Of two Applies at once, each has its own outcomes.
func TestSideBySide(t *testing.T) {
	t.Parallel()
	w, keys := filled(t, 40, setting{})
	errs := make(chan error, 4)
	for i := range 4 {
		go func() {
			changes := []plan.Change{group(fmt.Sprint("g", i), fmt.Sprint("Group ", i), keys...), pupil(500 + i)}
			n := 0
			err := w.target.Apply(t.Context(), changes, w.lookup, func(o target.Outcome) error {
				if o.Final && o.Err == nil {
					n++
				}
				return nil
			})
			if err == nil && n != 2 {
				err = fmt.Errorf("%d of 2 are done", n)
			}
			errs <- err
		}()
	}
	for range 4 {
		select {
		case err := <-errs:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(2 * time.Minute):
			t.Fatal("it does not end")
		}
	}
	if _, groups, memberships := w.Counts(); groups != 4 || memberships != 160 {
		t.Errorf("there are %d groups with %d members", groups, memberships)
	}
}
