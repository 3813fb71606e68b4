package csv

import (
	"context"
	"fmt"
	"io"
)

// Check opens the files and looks at the manifest and the headers, and at the schools. It
// reads no person.
func (s *Source) Check(ctx context.Context) ([]string, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	var notes []string
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	_, err := s.open(func(b *bundle, m *manifest) error {
		sites, err := readSites(ctx, b, m, s.opts.Name)
		if err != nil {
			return err
		}
		note("The files are OneRoster %s and hold %d schools.", m.version, len(sites))
		if len(sites) == 0 {
			return fmt.Errorf("orgs.csv has no organisation of type school")
		}
		if !b.has(fileDemographics) {
			note("There is no demographics.csv: age bands come from year groups.")
		}
		return headers(b, m, s.needed(), s.opts.Rules.HouseMetadata)
	})
	if err != nil {
		return notes, s.wrap(ctx, "look at the files", err)
	}
	if len(s.opts.Rules.Grades) == 0 {
		note("No grade is given a year group: R and 1 to 14 are read as they stand, and KG or TK as none.")
	}
	return notes, nil
}

// headers looks at the first line of every file that a read needs.
func headers(b *bundle, m *manifest, n need, house string) error {
	old := m.version == "1.1"
	cols := map[string][]column{
		fileSessions: sessionColumns(), fileClasses: classColumns(), fileUsers: userColumns(old, n, house), fileEnrollments: enrollmentColumns(),
	}
	if !old {
		cols[fileRoles] = roleColumns()
	}
	for _, file := range fileNames() {
		use, ok := cols[file]
		if !ok {
			continue
		}
		if _, err := m.use(b, file, true); err != nil {
			return err
		}
		if err := header(b, file, use); err != nil {
			return err
		}
	}
	return nil
}

func header(b *bundle, file string, cols []column) error {
	f, err := b.open[file]()
	if err != nil {
		return fmt.Errorf("open %s.csv: %w", file, err)
	}
	defer f.Close()
	_, err = newRows(file, io.LimitReader(f, maxRecord), b.limit, cols)
	return err
}
