package sqlledger

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"simscim/connector/ledger"
)

const selectSites = `SELECT id, source, name, dfe, last_complete, people, students, staff, grps, rules,
	frozen_since, frozen_reason, last_slot FROM sites`

// Site returns what is known about one site.
func (l *Ledger) Site(ctx context.Context, id string) (rec ledger.SiteRecord, ok bool, err error) {
	rec, err = scanSite(l.readDB.QueryRowContext(ctx, selectSites+` WHERE id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return ledger.SiteRecord{}, false, nil
	}
	return rec, err == nil, failed("read a site", err)
}

// Sites returns what is known about each site.
func (l *Ledger) Sites(ctx context.Context) (map[string]ledger.SiteRecord, error) {
	sites := map[string]ledger.SiteRecord{}
	err := each(ctx, l.readDB, func(rows *sql.Rows) error {
		s, err := scanSite(rows)
		sites[s.ID] = s
		return err
	}, selectSites)
	if err != nil {
		return nil, failed("read the sites", err)
	}
	return sites, nil
}

func scanSite(row scanner) (s ledger.SiteRecord, err error) {
	var complete, frozen, slot int64
	err = row.Scan(&s.ID, &s.Source, &s.Name, &s.DfE, &complete, &s.People, &s.Students, &s.Staff, &s.Groups, &s.Rules,
		&frozen, &s.FrozenReason, &slot)
	s.LastComplete, s.FrozenSince, s.LastSlot = fromMicros(complete), fromMicros(frozen), fromMicros(slot)
	return s, err
}

// SaveSite keeps what is known about a site.
func (l *Ledger) SaveSite(ctx context.Context, s ledger.SiteRecord) error {
	return l.w.do(ctx, "save a site", false, func(t *tx) error {
		if err := checkID("the site's id", s.ID); err != nil {
			return err
		}
		for _, text := range []string{s.Source, s.Name, s.DfE, s.Rules, s.FrozenReason} {
			if err := checkText("a text of the site", text); err != nil {
				return err
			}
		}
		return t.exec(`INSERT INTO sites (id, source, name, dfe, last_complete, people, students, staff, grps, rules, frozen_since, frozen_reason, last_slot)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0)
			ON CONFLICT (id) DO UPDATE SET source = excluded.source, name = excluded.name, dfe = excluded.dfe,
				last_complete = excluded.last_complete, people = excluded.people, students = excluded.students,
				staff = excluded.staff, grps = excluded.grps, rules = excluded.rules,
				frozen_since = excluded.frozen_since, frozen_reason = excluded.frozen_reason`,
			s.ID, s.Source, s.Name, s.DfE, micros(s.LastComplete), s.People, s.Students, s.Staff, s.Groups, s.Rules,
			micros(s.FrozenSince), s.FrozenReason)
	})
}

// BeginSlot notes the scheduled time that is begun at the site.
func (l *Ledger) BeginSlot(ctx context.Context, site string, slot time.Time) error {
	return l.w.do(ctx, "begin a slot", false, func(t *tx) error {
		if err := checkID("the site's id", site); err != nil {
			return err
		}
		return t.exec(`INSERT INTO sites (id, source, name, dfe, last_complete, people, grps, frozen_since, frozen_reason, last_slot)
			VALUES ($1, '', '', '', 0, 0, 0, 0, '', $2)
			ON CONFLICT (id) DO UPDATE SET last_slot = excluded.last_slot WHERE excluded.last_slot > sites.last_slot`,
			site, micros(slot))
	})
}

// ReopenSlot notes that the slot is to begin once more.
func (l *Ledger) ReopenSlot(ctx context.Context, site string, slot time.Time) error {
	return l.w.do(ctx, "reopen a slot", false, func(t *tx) error {
		at := micros(slot)
		return t.exec(`UPDATE sites SET last_slot = $3 WHERE id = $1 AND last_slot = $2`, site, at, at-1)
	})
}
