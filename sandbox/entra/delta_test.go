package entra_test

import (
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"simscim/sandbox/entra"
)

// round reads all pages, and returns what came as lines and the link of the next round.
func (a *tenant) round(path string) (lines []string, link string) {
	a.t.Helper()
	names := map[string]string{}
	for name, id := range a.vars {
		names[id] = name
	}
	for path != "" {
		page := a.want(200, "GET", path, "")
		for _, item := range page.list() {
			doc := item.(map[string]any)
			line := names[doc["id"].(string)]
			if name, ok := doc["displayName"].(string); ok {
				line += " " + name
			}
			if removed, ok := doc["@removed"].(map[string]any); ok {
				line += " removed:" + removed["reason"].(string)
			}
			members, _ := doc["members@delta"].([]any)
			for _, m := range members {
				member := m.(map[string]any)
				sign := " +"
				if member["@removed"] != nil {
					sign = " -"
				}
				line += sign + names[member["id"].(string)]
			}
			lines = append(lines, line)
		}
		path, _ = page.doc["@odata.nextLink"].(string)
		if path == "" {
			link, _ = page.doc["@odata.deltaLink"].(string)
		}
	}
	return lines, link
}

func (a *tenant) wantRound(path string, want ...string) string {
	a.t.Helper()
	got, link := a.round(path)
	sort.Strings(got)
	sort.Strings(want)
	if diff := cmp.Diff(want, got); diff != "" {
		a.t.Errorf("%s: %s", path, diff)
	}
	if link == "" {
		a.t.Fatal("there is no delta link")
	}
	return link
}

func TestGroupDelta(t *testing.T) {
	t.Parallel()
	a := school(t, 4, entra.Options{})
	link := a.wantRound("/v1.0/groups/delta", "$g g +$0")
	link = a.wantRound(link)
	a.vars["$h"] = a.want(201, "POST", "/v1.0/groups", group("h", "")).doc["id"].(string)
	a.want(204, "POST", "/v1.0/groups/$g;/members/$ref", reference("$1;"))
	a.want(204, "DELETE", "/v1.0/groups/$g;/members/$0;/$ref", "")
	next := a.wantRound(link, "$g g +$1 -$0", "$h h")
	a.wantRound(link, "$g g +$1 -$0", "$h h") // a link may be used again
	a.want(204, "POST", "/v1.0/groups/$g;/members/$ref", reference("$0;"))
	a.want(204, "DELETE", "/v1.0/users/$1;", "")
	a.want(204, "DELETE", "/v1.0/groups/$h;", "")
	a.wantRound(next, "$g g +$0 -$1", "$h removed:deleted")
	a.wantRound("/v1.0/groups/delta", "$g g +$0") // a first round tells of nothing that is gone
	a.wantRound("/v1.0/groups/delta?$select=displayName", "$g g")
	a.wantRound("/v1.0/groups/delta?$select=members", "$g +$0")
	latest := a.wantRound("/v1.0/groups/delta?$deltatoken=latest&$select=displayName,members")
	a.want(204, "PATCH", "/v1.0/groups/$g;", `{"displayName": "G"}`)
	a.wantRound(latest, "$g G") // a link remembers what was selected
}

func TestUserDelta(t *testing.T) {
	t.Parallel()
	a := school(t, 3, entra.Options{})
	link := a.wantRound("/v1.0/users/delta?$select=displayName,employeeId", "$0 p0", "$1 p1", "$2 p2")
	a.want(204, "PATCH", "/v1.0/users/$1;", `{"accountEnabled": false}`)
	a.want(204, "DELETE", "/v1.0/users/$2;", "")
	a.wantRound(link, "$1 p1", "$2 removed:changed")
	a.want(400, "GET", strings.Replace(link, "users", "groups", 1), "")
}

func TestDeltaPages(t *testing.T) {
	t.Parallel()
	a := school(t, 6, entra.Options{PageSize: 2})
	a.want(204, "PATCH", "/v1.0/groups/$g;", `{"members@odata.bind": [`+bind("$1;", "$2;", "$3;", "$4;")+`]}`)
	// A large group comes in parts, of which the first has its properties.
	a.wantRound("/v1.0/groups/delta", "$g g +$0 +$1", "$g +$2 +$3", "$g +$4")
	page := a.want(200, "GET", "/v1.0/groups/delta", "")
	if len(page.list()) != 2 || page.doc["@odata.deltaLink"] != nil {
		t.Errorf("the first page: %s", page.raw)
	}
	next := page.doc["@odata.nextLink"].(string)
	for range 2 { // what was lost on the way can be asked for again
		if got := a.want(200, "GET", next, ""); len(got.list()) != 1 {
			t.Errorf("the second page: %s", got.raw)
		}
	}
	a.want(400, "GET", next+"x", "")
	for range 64 {
		a.want(200, "GET", "/v1.0/groups/delta?$deltatoken=latest", "")
	}
	a.want(410, "GET", next, "")
}

func TestDeltaRefusals(t *testing.T) {
	t.Parallel()
	a := school(t, 1, entra.Options{})
	const later = "eyJnIjp0cnVlLCJyIjo5OTk5fQ" // {"g":true,"r":9999}
	for _, bad := range []string{"$deltatoken=x", "$deltatoken=e30", "$deltatoken=" + later, "$top=5", "$orderby=id", "$expand=members", "$select=colour"} {
		a.want(400, "GET", "/v1.0/groups/delta?"+bad, "")
	}
	_, link := a.round("/v1.0/groups/delta")
	a.SetFaults(entra.Faults{ForgetDeltas: 1})
	if got := a.want(410, "GET", link, ""); !strings.HasSuffix(got.header.Get("Location"), "/v1.0/groups/delta") {
		t.Errorf("Location %q", got.header.Get("Location"))
	}
	a.wantRound(link)
	if n := a.Requests()[entra.Deltas]; n != 10 {
		t.Errorf("%d requests", n)
	}
}
