package oneroster

import (
	"net/http"
	"strconv"
	"time"

	"simscim/sandbox/simsid"
)

// Faults that only a service of pages and links can have; the others are simsid's, and
// do the same here.
const (
	BadGateway     simsid.FaultKind = "bad-gateway"     // 502 with a page for people
	GatewayTimeout simsid.FaultKind = "gateway-timeout" // 504 with a page for people
	TokenExpiry    simsid.FaultKind = "token-expiry"    //nolint:gosec // a name: every token expires, this call's first
	EndlessPages   simsid.FaultKind = "endless-pages"   // there is always a next page, full of records
	EndlessBody    simsid.FaultKind = "endless-body"    // a body that does not end
	ForeignNext    simsid.FaultKind = "foreign-next"    // the next page is at another host
	LoopingNext    simsid.FaultKind = "looping-next"    // the next page is this one
	CutPage        simsid.FaultKind = "cut-page"        // the connection ends in mid-list
)

// FaultKinds lists all faults.
func FaultKinds() []simsid.FaultKind {
	return []simsid.FaultKind{
		simsid.Unauthorised, simsid.Forbidden, simsid.NotFound, simsid.ThrottleHeader, simsid.ThrottleDate, simsid.ThrottleBody,
		simsid.ServerError, BadGateway, simsid.Maintenance, GatewayTimeout, simsid.HTML, simsid.Malformed, CutPage, simsid.NoEnvelope,
		simsid.Slow, simsid.ExpiredToken, TokenExpiry, simsid.TotalMoves, simsid.RepeatedPage, simsid.ShortPage, simsid.PageMissing,
		simsid.EmptyList, simsid.OtherOrganisation, simsid.DuplicateIDs, simsid.MissingIDs, simsid.WrongTypes, EndlessPages, EndlessBody,
		ForeignNext, LoopingNext,
	}
}

// foreignRoot is where foreign-next sends the client. The name can never resolve.
const foreignRoot = "https://elsewhere.invalid"

// maxEndless bounds the body that does not end: more than any client should read.
const maxEndless = 10 << 30

// answer answers in place of the service, if the fault is one of those that do.
func (s *Service) answer(f *simsid.Fault, w http.ResponseWriter, r *http.Request) bool {
	v, on := versionOf(r), s.switches()
	wait := f.Seconds
	if wait == 0 {
		wait = 3
	}
	status := map[simsid.FaultKind]int{
		simsid.Unauthorised: 401, TokenExpiry: 401, simsid.Forbidden: 403, simsid.NotFound: 404, simsid.ThrottleHeader: 429,
		simsid.ThrottleDate: 429, simsid.ThrottleBody: 429, simsid.ServerError: 500, simsid.Maintenance: 503,
	}[f.Kind]
	switch f.Kind {
	case TokenExpiry:
		s.ExpireTokens()
	case simsid.ThrottleHeader:
		w.Header().Set("Retry-After", strconv.Itoa(wait))
	case simsid.ThrottleDate:
		w.Header().Set("Retry-After", s.now().Add(time.Duration(wait)*time.Second).UTC().Format(http.TimeFormat))
	case BadGateway, GatewayTimeout, simsid.HTML:
		htmlAnswer(w, f.Kind)
		return true
	case simsid.Malformed:
		writeBody(w, http.StatusOK, []byte(`{"users":[{"sourcedId":`))
		return true
	case CutPage:
		cut(w)
	case simsid.NoEnvelope:
		writeBody(w, http.StatusOK, []byte(`{"status":"ok"}`))
		return true
	case EndlessBody:
		endless(w)
		return true
	case simsid.Slow:
		sleep(r, max(f.Seconds, 1))
		return false
	}
	if status == 0 {
		return false
	}
	p := problemOf(status)
	if f.Kind == simsid.ThrottleBody {
		p.description = "Rate limit is exceeded. Try again in " + strconv.Itoa(wait) + " seconds."
	}
	p.write(w, v, on)
	return true
}

func htmlAnswer(w http.ResponseWriter, kind simsid.FaultKind) {
	status, text := http.StatusOK, "<title>Sign in</title><p>Please sign in to continue.</p>"
	switch kind {
	case BadGateway:
		status, text = http.StatusBadGateway, "<title>502 Bad Gateway</title><h1>502 Bad Gateway</h1>"
	case GatewayTimeout:
		status, text = http.StatusGatewayTimeout, "<title>504 Gateway Time-out</title><h1>504 Gateway Time-out</h1>"
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte("<!doctype html><html lang=\"en\">" + text + "</html>"))
}

// cut promises more than it sends and drops the connection.
func cut(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", "4096")
	_, _ = w.Write([]byte(`{"users":[{"sourcedId":"`))
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// endless sends white space, which JSON allows anywhere, until the client has enough.
func endless(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	blank := make([]byte, flushAt)
	for i := range blank {
		blank[i] = ' '
	}
	_, _ = w.Write([]byte(`{"users":[`))
	for sent := 0; sent < maxEndless; sent += len(blank) {
		if _, err := w.Write(blank); err != nil {
			return
		}
	}
}

func sleep(r *http.Request, seconds int) {
	timer := time.NewTimer(time.Duration(seconds) * time.Second)
	defer timer.Stop()
	select {
	case <-r.Context().Done():
	case <-timer.C:
	}
}

func (c *call) faulty(kind simsid.FaultKind) bool { return c.fault != nil && c.fault.Kind == kind }

// spoilPage changes a good page and what its headers say.
func (c *call) spoilPage(p *page, all []*record) {
	switch {
	case c.faulty(simsid.TotalMoves):
		p.total += p.offset/p.limit + 1
	case c.faulty(simsid.RepeatedPage) && p.offset > 0:
		from := min(max(0, p.offset-p.limit), len(all))
		p.rows = all[from:min(from+p.limit, len(all))]
	case c.faulty(simsid.ShortPage) && len(p.rows) > 0:
		p.rows = p.rows[:len(p.rows)-1]
	case c.faulty(simsid.PageMissing):
		p.rows = nil
	case c.faulty(simsid.EmptyList):
		p.rows, p.total, p.next = nil, 0, ""
	case c.faulty(EndlessPages) && len(all) > 0:
		p.rows = nil
		for i := range p.limit {
			p.rows = append(p.rows, all[(p.offset+i)%len(all)])
		}
		p.total = p.offset + 2*p.limit
		p.next = c.at(p.limit, p.offset+p.limit)
	case c.faulty(ForeignNext):
		p.next = foreignRoot + c.r.URL.Path + "?offset=" + strconv.Itoa(p.offset+p.limit)
	case c.faulty(LoopingNext):
		p.next = c.at(p.limit, p.offset)
	}
}

// spoilWriter lets the answer claim to be another organisation's.
func (c *call) spoilWriter(w *jsonWriter) {
	if !c.faulty(simsid.OtherOrganisation) || len(c.trust.schools) == 0 {
		return
	}
	w.from = c.trust.schools[0].roll.Site.ID
	w.to = derived(w.from, "another organisation")
	for _, site := range c.world.Sites() {
		if site.ID != w.from {
			w.to = site.ID
			return
		}
	}
}

// spoilRow changes one record of a page. first is the id of the page's first.
func (c *call) spoilRow(i int, o object, first string) object {
	switch {
	case c.faulty(simsid.DuplicateIDs) && i == 1:
		o.put("sourcedId", first)
	case c.faulty(simsid.MissingIDs) && i == 0:
		return o.without("sourcedId")
	case c.faulty(simsid.WrongTypes) && i == 0:
		for name, value := range map[string]any{
			"sourcedId": number(12345), "givenName": number(7), "familyName": []string{"x"}, "orgs": "none", "roles": "none", "grades": "07",
			"title": number(9), "type": []string{}, "user": number(1), "class": []string{"x"}, "terms": object{}, "enabledUser": number(1),
			"startDate": number(20260901), "birthDate": number(20120901),
		} {
			o.put(name, value)
		}
	}
	return o
}

// versionOf tells by the path which version's errors to answer with.
func versionOf(r *http.Request) Version {
	if len(r.URL.Path) >= len(Path12) && r.URL.Path[:len(Path12)] == Path12 {
		return V12
	}
	return V11
}
