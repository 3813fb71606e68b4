package entra

import (
	"net/http"
	"testing"
	"time"

	"simscim/internal/httpx"
	"simscim/scim"
)

// FuzzAnswers reads whatever a server may send as each of the answers that we decode.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		``, `null`, `[]`, `{"value":[null]}`,
		`{"value":[{"id":"00000000-0000-4000-8000-00000000beef","employeeId":1,"members@delta":[{"id":null},{"@removed":{}}]}],"@odata.nextLink":"x"}`,
		`{"value":[{"activityDateTime":"2026-09-01T03:00:00Z","sourceIdentity":null,"provisioningStatusInfo":{"status":"failure","errorInformation":{"errorCode":"InvalidDomain","recommendedAction":"'"}}}]}`,
		`{"error":{"code":"Request_BadRequest","message":"same value for property"}}`, `{"status":{"code":"Quarantine","quarantine":{"reason":""}}}`,
	} {
		f.Add(seed, 200)
		f.Add(seed, 404)
	}
	f.Fuzz(func(t *testing.T, body string, status int) {
		now := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
		answer := &httpx.Response{Status: status, Header: http.Header{"Retry-After": {body}}, Body: []byte(body)}
		var log page[entry]
		if err := decode(answer, now, &log); err != nil && (status < 200 || status > 299) {
			words := said(failure(status, answer.Body, 0), nil)
			if words != "" && !codeLike.MatchString(words) {
				t.Fatalf("%q is passed on", words)
			}
		}
		for _, e := range log.Value {
			r := e.result("key")
			if (r.Err == nil) != (r.Advice == "") || r.Err == nil && !isID(r.RemoteID) {
				t.Fatalf("the result is %+v", r)
			}
		}
		var groups page[graphGroup]
		if decode(answer, now, &groups) == nil {
			for i := range groups.Value {
				o := groups.Value[i].object([]scim.Path{displayName, externalID})
				take(&o, groups.Value[i].Members)
			}
		}
		var users page[graphUser]
		if decode(answer, now, &users) == nil {
			for _, u := range users.Value {
				u.object([]scim.Path{"userName", "active", workMail})
			}
		}
		var job jobStatus
		if decode(answer, now, &job) == nil {
			job.trouble()
		}
	})
}
