package idp

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"strconv"

	"simscim/scim"
	"simscim/scim/server"
)

// pageSize is how many rows the page shows at once.
const pageSize = 50

//go:embed page.html
var pageHTML string

// page is what the template sees.
type page struct {
	BasePath, Personality      string
	Users, Groups, Memberships int
	Requests                   Requests
	Kind                       scim.Kind
	Rows                       []row
	Number, Pages              int
	// Detail is one resource as JSON, Title its name; both are empty in a list.
	Title, Detail string
}

// row is one line of the list.
type row struct {
	ID, Name, Display, ExternalID string
	Active                        bool
	Related                       int
}

// Previous and Next are the neighbouring pages, zero at the ends.
func (p page) Previous() int { return p.Number - 1 }

// Next is the page after this one, or zero.
func (p page) Next() int {
	if p.Number < p.Pages {
		return p.Number + 1
	}
	return 0
}

// servePage shows what has arrived. The people on it are made up, so it asks for no
// credential.
func (p *IDP) servePage(w http.ResponseWriter, r *http.Request) {
	view := page{BasePath: p.options.BasePath, Personality: p.options.Personality, Requests: p.Requests(), Kind: scim.User}
	view.Users, view.Groups, view.Memberships = p.Counts()
	if r.URL.Query().Get("kind") == string(scim.Group) {
		view.Kind = scim.Group
	}
	if id := r.URL.Query().Get("id"); id != "" {
		found, err := p.store.Get(r.Context(), view.Kind, id)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		view.detail(found)
	} else {
		number, _ := strconv.Atoi(r.URL.Query().Get("page")) // anything else is page one
		view.list(p, r, number)
	}
	t, err := template.New("page").Parse(pageHTML)
	if err != nil { // the template is part of the program
		panic(err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, view); err != nil {
		http.Error(w, "the page could not be written", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(b.Bytes()) // the reader has gone if this fails
}

func (p *page) detail(r server.Resource) {
	p.Title = text(r, "displayName")
	if p.Title == "" {
		p.Title = text(r, "userName")
	}
	b, err := json.MarshalIndent(r.View(p.Kind), "", "  ")
	if err != nil { // it came from JSON
		panic(err)
	}
	p.Detail = string(b)
}

func (p *page) list(idp *IDP, r *http.Request, number int) {
	total := p.Users
	if p.Kind == scim.Group {
		total = p.Groups
	}
	p.Pages = max(1, (total+pageSize-1)/pageSize)
	p.Number = min(max(number, 1), p.Pages)
	found, err := idp.store.List(r.Context(), p.Kind, server.Query{Skip: (p.Number - 1) * pageSize, Limit: pageSize})
	if err != nil { // the store is in memory
		panic(err)
	}
	for _, res := range found.Resources {
		line := row{ID: res.ID, Display: text(res, "displayName"), ExternalID: text(res, "externalId")}
		if p.Kind == scim.Group {
			g := groupOf(res)
			line.Name, line.Active, line.Related = g.DisplayName, true, len(g.Members)
		} else {
			u := userOf(res)
			line.Name, line.Active, line.Related = u.UserName, u.Active, len(idp.store.GroupsOf(r.Context(), res.ID))
		}
		p.Rows = append(p.Rows, line)
	}
}
