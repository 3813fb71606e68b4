package e2e_test

import (
	"strings"
	"testing"
	"time"

	"simscim/connector"
	"simscim/sandbox/simsid"
	"simscim/sandbox/world"
)

// TestSourceThatCannotBeTrusted reads a school whose source misbehaves, at a moment when
// leavers are due to be suspended: nobody is, until the roll can be read whole again.
func TestSourceThatCannotBeTrusted(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{preset: "primary", seed: 21})
	w, faults := r.box.World(), r.box.SIMSID().Faults()
	r.syncAndCompare()
	for _, p := range r.current(0, world.Student)[:5] {
		r.do(w.Leave(p.ID))
	}
	r.syncAndCompare()
	w.Advance(25 * time.Hour)
	before := state(r.idp)

	for _, path := range []string{"/provisioning/**", "/management/**", "/sts/**"} {
		for _, kind := range []simsid.FaultKind{
			simsid.Unauthorised, simsid.Forbidden, simsid.NotFound, simsid.ThrottleHeader, simsid.ThrottleDate, simsid.ThrottleBody,
			simsid.ServerError, simsid.Maintenance, simsid.HTML, simsid.Malformed, simsid.CutBody, simsid.NoEnvelope,
		} {
			r.distrusts(before, simsid.Fault{Kind: kind, Path: path})
		}
	}
	r.distrusts(before, simsid.Fault{Kind: simsid.ExpiredToken, Path: "/sts/**"})
	for _, list := range []string{"students", "staff", "groups"} {
		path := "/provisioning/v1/organisation/*/" + list
		for _, kind := range []simsid.FaultKind{
			simsid.HTML, simsid.Malformed, simsid.CutBody, simsid.NoEnvelope, simsid.ServerError, simsid.ShortPage, simsid.PageMissing,
			simsid.OtherOrganisation, simsid.EmptyList,
		} {
			r.distrusts(before, simsid.Fault{Kind: kind, Path: path})
		}
		if list == "students" { // the one list of several pages
			for _, kind := range []simsid.FaultKind{simsid.TotalMoves, simsid.RepeatedPage} {
				r.distrusts(before, simsid.Fault{Kind: kind, Path: path})
			}
			r.distrusts(before, simsid.Fault{Kind: simsid.CutBody, Path: path, Nth: 2})
			r.distrusts(before, simsid.Fault{Kind: simsid.EmptyList, Path: path, Nth: 2})
		}
	}

	faults.Clear()
	r.syncAndCompare()
	if state(r.idp) == before {
		t.Error("nobody was suspended once the source was well again: this test shows nothing")
	}
}

// distrusts syncs under a fault: the school must not be done, the reason must say so,
// and nothing may have been touched.
func (r *rig) distrusts(before string, f simsid.Fault) {
	r.t.Helper()
	check(r.t, r.box.SIMSID().Faults().Set(f))
	r.box.SIMSID().ExpireTokens() // else the token service is not asked
	writes := r.idp.Requests().Writes()
	report := r.try(r.t.Context())
	if len(report.Runs) == 0 {
		r.t.Errorf("%s at %s: the report has no run", f.Kind, f.Path)
	}
	for _, run := range report.Runs {
		if run.Status != connector.Skipped && run.Status != connector.Failed || len(run.Reason) < 20 {
			r.t.Errorf("%s at %s: %s: %q", f.Kind, f.Path, run.Status, run.Reason)
		}
	}
	if r.idp.Requests().Writes() != writes || state(r.idp) != before {
		r.t.Errorf("%s at %s: the target was touched", f.Kind, f.Path)
	}
}

// TestBadRecords reads a school with records that cannot be used: they are set aside with
// a reason and a count, whoever they are of keeps everything, and the rest goes on.
func TestBadRecords(t *testing.T) {
	t.Parallel()
	for _, kind := range []simsid.FaultKind{simsid.DuplicateIDs, simsid.MissingIDs, simsid.WrongTypes, simsid.DanglingClasses} {
		for _, list := range []string{"students", "staff", "groups"} {
			if kind == simsid.DanglingClasses && list == "groups" {
				continue // groups have no classes
			}
			t.Run(string(kind)+" "+list, func(t *testing.T) {
				t.Parallel()
				r := newRig(t, setup{preset: "tiny", seed: 22})
				r.syncAndCompare()
				users, groups, members := r.idp.Counts()
				check(t, r.box.SIMSID().Faults().Set(simsid.Fault{Kind: kind, Path: "/provisioning/v1/organisation/*/" + list}))
				joined := r.do(r.box.World().Join(r.siteID(0), world.Student, 2)).People[0]
				wait := 25 * time.Hour // longer than the grace
				if kind == simsid.WrongTypes {
					// The id itself is another one, so somebody else has come and somebody is
					// missing: the grace is what keeps them until it is put right.
					wait = 5 * time.Hour
				}
				for range 3 {
					for _, run := range r.try(t.Context()).Runs {
						if len(run.SetAside) == 0 || run.SetAside[0].Count == 0 || run.SetAside[0].Reason == "" {
							t.Errorf("nothing was set aside: %s: %s %+v", run.Status, run.Reason, run.SetAside)
						}
						if run.Status == connector.Skipped || run.Status == connector.Failed {
							t.Errorf("the rest did not go on: %s: %s", run.Status, run.Reason)
						}
					}
					r.box.World().Advance(wait)
				}
				if u, g, m := r.idp.Counts(); u < users || g < groups || m < members {
					t.Errorf("something went away: from %d users, %d groups, %d members to %d, %d, %d", users, groups, members, u, g, m)
				}
				there := false
				for _, u := range r.idp.Snapshot().Users {
					if !u.Active {
						t.Errorf("%s was suspended for a bad record", u.ExternalID)
					}
					there = there || u.ExternalID == joined.String()
				}
				if !there {
					t.Error("the new pupil got no account")
				}
				r.box.SIMSID().Faults().Clear()
				r.sync()
				r.oracle.synced()
				r.compare()
			})
		}
	}
}

// TestStrayRecordsOfOneSchool makes sure that trouble at one school leaves the others of
// the trust as they were.
func TestStrayRecordsOfOneSchool(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{preset: "mat-small", seed: 23})
	r.there.bulk = true
	bad := r.siteID(1).String()
	check(t, r.box.SIMSID().Faults().Set(simsid.Fault{Kind: simsid.HTML, Path: "/provisioning/v1/organisation/" + bad + "/students"}))
	done := 0
	for _, run := range r.try(t.Context()).Runs {
		switch {
		case run.Site == bad && (run.Status != connector.Skipped || !strings.Contains(run.Reason, "student")):
			t.Errorf("the bad school: %s: %s", run.Status, run.Reason)
		case run.Site != bad && run.Status != connector.Done:
			t.Errorf("%s: %s: %s", run.Name, run.Status, run.Reason)
		case run.Site != bad:
			done++
		}
	}
	if done != 4 {
		t.Errorf("%d of the other four schools are done", done)
	}
	r.box.SIMSID().Faults().Clear()
	r.syncAndCompare()
}
