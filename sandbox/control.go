package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"simscim/sandbox/idp"
	"simscim/sandbox/oneroster"
	"simscim/sandbox/simsid"
	"simscim/sandbox/world"
)

// maxControlBody bounds what a control takes.
const maxControlBody = 1 << 20

// maxAdvance bounds one step of the clock, in hours: two years.
const maxAdvance = 2 * 366 * 24

// State is the world in numbers.
type State struct {
	Now    time.Time      `json:"now"`
	Preset string         `json:"preset"`
	Seed   uint64         `json:"seed"`
	Digest string         `json:"digest"`
	Sites  []SiteState    `json:"sites"`
	Totals world.Counts   `json:"totals"`
	Faults []simsid.Fault `json:"faults"`
	// Directory is what has arrived at the identity provider.
	Directory Directory `json:"directory"`
	// Requests counts the calls to the SIMS ID services.
	Requests int64 `json:"requests"`
	// OneRoster is how the OneRoster services are set.
	OneRoster OneRoster `json:"oneroster"`
}

// OneRoster are the switches of the OneRoster services that are on.
type OneRoster struct {
	Deviations []string       `json:"deviations"`
	Faults     []simsid.Fault `json:"faults"`
	// Requests counts calls.
	Requests int64 `json:"requests"`
}

// Directory is the identity provider in numbers.
type Directory struct {
	// Personality is the kind of server that it is.
	Personality string `json:"personality"`
	Users       int    `json:"users"`
	Groups      int    `json:"groups"`
	Memberships int    `json:"memberships"`
	// Requests and Writes count calls.
	Requests int64 `json:"requests"`
	Writes   int64 `json:"writes"`
}

// SiteState is one school in numbers.
type SiteState struct {
	ID         string       `json:"id"`
	Customer   int          `json:"customer"`
	Name       string       `json:"name"`
	DfE        string       `json:"dfe"`
	Phase      string       `json:"phase"`
	Authorised int          `json:"authorised"`
	Counts     world.Counts `json:"counts"`
}

// State takes the numbers now.
func (s *Sandbox) State() State {
	st := State{
		Now: s.world.Now(), Preset: s.world.Preset(), Seed: s.world.Seed(), Digest: s.world.Digest(),
		Sites: []SiteState{}, Faults: s.simsid.Faults().List(), Requests: s.simsid.Requests(),
	}
	st.OneRoster = OneRoster{s.roster.Deviations(), s.roster.Faults().List(), s.roster.Requests()}
	st.Directory = s.directory()
	today := world.DateOf(st.Now)
	for _, r := range s.world.Rolls() {
		c := r.Counts(today)
		st.Totals = st.Totals.Add(c)
		st.Sites = append(st.Sites, SiteState{
			ID: r.Site.ID.String(), Customer: r.Site.Customer, Name: r.Site.Name, DfE: r.Site.DfE, Phase: r.Site.Phase,
			Authorised: r.Site.Authorised, Counts: c,
		})
	}
	return st
}

func (s *Sandbox) directory() Directory {
	d := Directory{Personality: s.kind}
	if s.provider != nil {
		d.Users, d.Groups, d.Memberships = s.provider.Counts()
		d.Requests, d.Writes = s.provider.calls()
		return d
	}
	d.Users, d.Groups, d.Memberships = s.idp.Counts()
	calls := s.idp.Requests()
	d.Requests, d.Writes = calls.Total(), calls.Writes()
	return d
}

// control mounts the endpoints that move the world. A page of another web site
// cannot call them.
func (s *Sandbox) control(mux *http.ServeMux) {
	guard := http.NewCrossOriginProtection()
	post := func(path string, h http.HandlerFunc) { mux.Handle("POST "+path, guard.Handler(h)) }
	mux.HandleFunc("GET /_sandbox/state", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.State()) })
	mux.HandleFunc("GET /_sandbox/faults", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{
			"faults": s.simsid.Faults().List(), "kinds": simsid.FaultKinds(), "directory": left(s.idp.Faults()),
		})
	})
	post("/_sandbox/day", func(w http.ResponseWriter, r *http.Request) { done(w, r, s.world.Day()) })
	post("/_sandbox/september", func(w http.ResponseWriter, r *http.Request) { done(w, r, s.world.September()) })
	post("/_sandbox/advance", s.advance)
	post("/_sandbox/faults", s.setFaults)
	mux.HandleFunc("GET /_sandbox/oneroster", func(w http.ResponseWriter, _ *http.Request) { s.oneRoster(w) })
	post("/_sandbox/oneroster", s.setOneRoster)
	if p := s.provider; p != nil {
		mux.HandleFunc("GET /_sandbox/provider", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, p.state()) })
		mux.HandleFunc("GET /_sandbox/arrived", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, p.arrived()) })
		post("/_sandbox/provider", s.setProvider)
	}
}

// done tells a program what happened, and sends a person back to the index page.
func done(w http.ResponseWriter, r *http.Request, rep world.Report) {
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"from": rep.From, "to": rep.To, "counts": rep.Counts, "lines": append([]string{}, rep.Lines...),
	})
}

func (s *Sandbox) advance(w http.ResponseWriter, r *http.Request) {
	hours, err := strconv.ParseFloat(r.URL.Query().Get("hours"), 64)
	if err != nil || math.IsNaN(hours) || hours <= 0 || hours > maxAdvance {
		fail(w, http.StatusBadRequest, "hours is a number above 0, and at most "+strconv.Itoa(maxAdvance))
		return
	}
	done(w, r, s.world.Advance(time.Duration(hours*float64(time.Hour))))
}

// directoryFaults are the identity provider's faults as JSON gives them.
type directoryFaults struct {
	idp.Faults
	RetryAfterSeconds int `json:"retryAfterSeconds"`
	DelayMilliseconds int `json:"delayMilliseconds"`
}

// left are the identity provider's faults that have not happened yet.
func left(f idp.Faults) directoryFaults {
	return directoryFaults{Faults: f, RetryAfterSeconds: int(f.RetryAfter.Seconds()), DelayMilliseconds: int(f.Delay.Milliseconds())}
}

func (f directoryFaults) faults() (idp.Faults, error) {
	f.RetryAfter = time.Duration(f.RetryAfterSeconds) * time.Second
	f.Delay = time.Duration(f.DelayMilliseconds) * time.Millisecond
	if err := f.Check(); err != nil {
		return idp.Faults{}, fmt.Errorf("set faults of the directory: %w", err)
	}
	return f.Faults, nil
}

// setFaults replaces all faults: those of the SIMS ID services and the directory's.
func (s *Sandbox) setFaults(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Faults       []simsid.Fault  `json:"faults"`
		Directory    directoryFaults `json:"directory"`
		ExpireTokens bool            `json:"expireTokens"`
	}
	var faults idp.Faults
	err := decode(w, r, &body)
	if err == nil {
		faults, err = body.Directory.faults()
	}
	if err == nil {
		err = s.simsid.Faults().Set(body.Faults...)
	}
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	s.idp.SetFaults(faults)
	if body.ExpireTokens {
		s.simsid.ExpireTokens()
	}
	writeJSON(w, http.StatusOK, map[string]any{"faults": s.simsid.Faults().List()})
}

// setOneRoster replaces the deviations and faults of the OneRoster services; what the
// body does not name stays.
func (s *Sandbox) setOneRoster(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Deviations   *[]string       `json:"deviations"`
		Faults       *[]simsid.Fault `json:"faults"`
		ExpireTokens bool            `json:"expireTokens"`
	}
	err := decode(w, r, &body)
	before := s.roster.Faults().List()
	if err == nil && body.Faults != nil {
		err = s.roster.Faults().Set(*body.Faults...)
	}
	if err == nil && body.Deviations != nil {
		if err = s.roster.Deviate(*body.Deviations...); err != nil {
			err = errors.Join(err, s.roster.Faults().Set(before...)) // all or nothing
		}
	}
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	if body.ExpireTokens {
		s.roster.ExpireTokens()
	}
	s.oneRoster(w)
}

// setProvider changes how the identity provider is; what the body does not name stays.
func (s *Sandbox) setProvider(w http.ResponseWriter, r *http.Request) {
	if err := s.provider.set(func(into any) error { return decode(w, r, into) }); err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	writeJSON(w, http.StatusOK, s.provider.state())
}

// oneRoster says what is on and what there is, and how to sign in as the district:
// the secret is worth no more than the made-up data behind it.
func (s *Sandbox) oneRoster(w http.ResponseWriter) {
	c := s.Credentials()
	writeJSON(w, http.StatusOK, map[string]any{
		"deviations": s.roster.Deviations(), "faults": s.roster.Faults().List(), "allDeviations": oneroster.Switches(), "kinds": s.roster.Faults().Kinds(),
		"district": map[string]any{
			"v1p1": c.OneRoster11, "v1p2": c.OneRoster12, "tokenURL": c.OneRosterToken,
			"clientID": c.District.ClientID, "clientSecret": c.District.ClientSecret.Reveal(),
		},
	})
}

// decode reads one JSON value of known fields.
func decode(w http.ResponseWriter, r *http.Request, into any) error {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxControlBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, more := dec.Token(); !errors.Is(more, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}

func fail(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]any{"statusCode": status, "message": message})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		http.Error(w, "the answer could not be encoded", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the caller has gone if this fails
}
