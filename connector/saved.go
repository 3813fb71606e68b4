package connector

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// SavedPlans is what `plan --out` writes and `sync --plan` applies: the identity of
// each site's plan, without any personal data. A sync works the plan out again and
// goes on only if it is the same, change by change.
type SavedPlans struct {
	Version int         `json:"version"`
	Plans   []SavedPlan `json:"plans"`
}

// SavedPlan identifies the plan of one site at one target.
type SavedPlan struct {
	Site   string `json:"site"`
	Target string `json:"target"`
	Digest string `json:"digest"`
}

// Saved returns the plans of a report of Plan.
func (r *Report) Saved() *SavedPlans {
	s := &SavedPlans{Version: 1}
	for _, run := range r.Runs {
		if run.digest != "" {
			s.Plans = append(s.Plans, SavedPlan{Site: run.Site, Target: run.Target, Digest: run.digest})
		}
	}
	return s
}

// ReadSaved reads what `plan --out` wrote.
func ReadSaved(r io.Reader) (*SavedPlans, error) {
	dec := json.NewDecoder(io.LimitReader(r, 16<<20))
	dec.DisallowUnknownFields()
	var s SavedPlans
	if err := dec.Decode(&s); err != nil {
		return nil, fmt.Errorf("read the saved plan: %w", err)
	}
	if s.Version != 1 || len(s.Plans) == 0 {
		return nil, errors.New("read the saved plan: it holds no plan of a version that this program knows")
	}
	return &s, nil
}

// find returns the digest of the saved plan of a site at a target.
func (s *SavedPlans) find(site, target string) (string, bool) {
	for _, p := range s.Plans {
		if p.Site == site && p.Target == target {
			return p.Digest, true
		}
	}
	return "", false
}

// moved says why a plan that was saved may not be applied, or "".
func (p *pass) moved() string {
	if p.Saved == nil {
		return ""
	}
	switch digest, ok := p.Saved.find(p.run.Site, p.run.Target); {
	case !ok:
		return "the saved plan has nothing for this school and target"
	case digest != p.run.digest:
		return "the world has moved since the plan was saved; make a new one"
	default:
		return ""
	}
}
