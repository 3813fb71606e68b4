package main

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"

	"simscim/connector"
	"simscim/roster"
)

// throttled is a first sync to a target that takes 200 requests a second and answers the
// rest with 429, without a limit of our own.
func throttled(ctx context.Context, b *bench) ([]figure, error) {
	of := roll{Seed: seed, Sites: 1, People: 2_000}
	var figures []figure
	for _, limit := range []struct{ name, note string }{
		{"bucket", "a bucket of 200 tokens that fills in a second"},
		{"windows", "200 in each second, counted from the first request"},
	} {
		t := task{What: "push", Roll: of, InFlight: inFlight, Limit: limit.name, Ledger: filepath.Join(b.dir, limit.name+".db")}
		r, err := b.measure(ctx, t)
		if err != nil {
			return nil, err
		}
		figures = append(figures, figure{
			What: "users made ÷ what is allowed (" + limit.name + ")", Unit: "×", Bound: ">=", Limit: 0.95,
			Value: float64(of.users()) / r.Seconds / allowed,
			Note:  fmt.Sprintf("%s; %d users in %.2f s with %d requests, none failed", limit.note, of.users(), r.Seconds, r.Requests),
		})
	}
	return figures, nil
}

// bulk is a first sync to a target that takes 1,000 operations at once: one that is
// known to, and one that is asked what it can do.
func bulk(ctx context.Context, b *bench) ([]figure, error) {
	t := task{What: "push", Roll: large, Personality: "strict", InFlight: inFlight, Ledger: filepath.Join(b.dir, "known.db")}
	t.Extras.Target = "    profile: generic\n    traits: {bulk: 1000, bulkBytes: 4000000, etag: true}\n"
	known, err := b.measure(ctx, t)
	if err != nil {
		return nil, err
	}
	t.Extras.Target, t.Ledger = "", filepath.Join(b.dir, "asked.db")
	asked, err := b.measure(ctx, t)
	if err != nil {
		return nil, err
	}
	return []figure{
		{
			What: "requests", Unit: "requests", Value: float64(known.Requests), Bound: "<=", Limit: 15,
			Note: fmt.Sprintf("%d users, %d groups, %d memberships", large.users(), large.groups(), large.memberships()),
		},
		{What: "requests, discovery included", Unit: "requests", Value: float64(asked.Requests), Note: "three documents of what the server can do"},
		{What: "wall time", Unit: "s", Value: known.Seconds, Note: "the target's own included"},
	}, nil
}

// pupil is the smallest change in a large group.
func pupil(ctx context.Context, b *bench) ([]figure, error) {
	r, err := b.measure(ctx, task{
		What: "pupil", InFlight: inFlight, Ledger: filepath.Join(b.dir, "pupil.db"), Extras: extras{Target: "    profile: generic\n"},
	})
	if err != nil {
		return nil, err
	}
	return []figure{
		{What: "requests", Unit: "requests", Value: float64(r.Requests), Bound: "=", Limit: 1},
		{What: "body", Unit: "bytes", Value: float64(r.Bytes), Bound: "<", Limit: 1000},
	}, nil
}

// rollover is September: pupils move on, Year 13 and part of Year 11 leave, Year 7
// comes, and all classes are new.
func rollover(ctx context.Context, b *bench) ([]figure, error) {
	var figures []figure
	for _, to := range []struct{ what, personality, target string }{
		{"any number of members a request", "", ""},
		{"20 members in, 1 out a request", "", "    traits: {membersPerCreate: 20, membersPerAdd: 20, membersPerRemove: 1, mixAddRemove: false}\n    replaceGroups: true\n"},
		{"bulk of 100", "wso2", "    profile: wso2\n"},
	} {
		t := task{What: "rollover", Personality: to.personality, InFlight: inFlight, Ledger: filepath.Join(b.dir, fmt.Sprintf("rollover-%d.db", len(figures))), Extras: september}
		t.Extras.Target = to.target
		r, err := b.measure(ctx, t)
		if err != nil {
			return nil, err
		}
		figures = append(figures, figure{
			What: "requests ÷ least possible, " + to.what, Unit: "×", Value: float64(r.Requests) / float64(r.Least), Bound: "<=", Limit: 1.2,
			Note: fmt.Sprintf("%d requests, %d at least; %d pupils, %d memberships; %.2f s", r.Requests, r.Least, pupils, places, r.Seconds),
		})
	}
	return figures, nil
}

// september are the groups of a secondary, and safeguards that let it pass.
var september = extras{
	Groups: `      - {from: year, displayName: "'OAK ' + group.name"}
      - {from: registration, displayName: "'OAK ' + group.name"}
      - {from: house, displayName: "'OAK ' + group.name"}
`,
	End: `leavers: {graceSnapshots: 1, graceHours: 0}
safeguards:
  createUsers: {percent: 100}
  updateUsers: {percent: 100}
  renameUsers: {percent: 100}
  suspendUsers: {percent: 100}
  createGroups: {percent: 100}
  deleteGroups: {percent: 100}
  removeMembers: {percent: 100, perGroup: true}
`,
}

// school makes a snapshot of the only school of a source.
type school func(site roster.Site, at time.Time) *roster.Snapshot

// pushTask is a first sync of a roll to a directory.
func pushTask(ctx context.Context, t *task) (*result, error) {
	return push(ctx, t, t.Roll.snapshot)
}

// pupilTask puts one more pupil into a group of 5,000.
func pupilTask(ctx context.Context, t *task) (*result, error) {
	const size = 5_000
	group := func(members int) school {
		return func(site roster.Site, at time.Time) *roster.Snapshot {
			rng := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a seed is wanted
			b := roster.NewBuilder(site, at)
			key := roster.GroupKey{Kind: roster.Class, ID: guid(rng)}
			b.AddGroup(roster.Group{GroupKey: key, Name: "Everybody"})
			for i := range size + 1 {
				p := person(rng, 1)
				b.AddPerson(p)
				if i < members {
					b.AddMembership(roster.Membership{Group: key, Person: p.ID})
				}
			}
			return b.Finish()
		}
	}
	return push(ctx, t, group(size), group(size+1))
}

// rolloverTask goes from one academic year to the next.
func rolloverTask(ctx context.Context, t *task) (*result, error) {
	return push(ctx, t, secondary(2026).snapshot, secondary(2027).snapshot)
}

// push syncs one state of a school after the other to a directory, and measures the last.
func push(ctx context.Context, t *task, states ...school) (*result, error) {
	d, err := open(ctx, t.Personality, t.Limit)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	t.Parallel = 1
	src := &rollSource{roll: roll{Seed: seed, Sites: 1}, now: time.Now}
	sites, err := src.Sites(ctx)
	if err != nil {
		return nil, err
	}
	sites[0].Source = sourceName
	r := &result{}
	for _, state := range states {
		src.held = state(sites[0], time.Now())
		d.reset()
		stop := watch()
		report, err := syncOnce(ctx, t, src, d.url)
		if err := cmp.Or(err, stop(r)); err != nil {
			return nil, err
		}
		if err := arrived(report, src.held, d); err != nil {
			return nil, err
		}
		r.Requests, r.Bytes, r.Least = d.requests.Load(), d.longest.Load(), int64(report.Totals.Least)
	}
	return r, nil
}

// arrived makes sure that the directory has what the school has.
func arrived(report *connector.Report, s *roster.Snapshot, d *directory) error {
	if n := len(report.Runs); n != 1 || report.Runs[0].Status != connector.Done {
		return fmt.Errorf("%d runs, the first of which ended as %s: %s", n, report.Runs[0].Status, report.Runs[0].Reason)
	}
	users, groups, members := d.idp.Counts()
	if users < len(s.People) || groups != len(s.Groups) || members != len(s.Memberships) {
		return fmt.Errorf("the directory has %d users, %d groups and %d members, not %d, %d and %d",
			users, groups, members, len(s.People), len(s.Groups), len(s.Memberships))
	}
	return nil
}
