package oneroster

import (
	"archive/zip"
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/uuid"

	"simscim/sandbox/world"
)

// CSVOptions choose what files hold and how they are written.
type CSVOptions struct {
	// School picks one school; zero is the whole trust below its district.
	School uuid.UUID
	// Deviations are switches that show in records: see About.Records.
	Deviations []string
	// BOM begins each file with a byte order mark.
	BOM bool
	// LF ends lines with a line feed alone; the standard has CRLF.
	LF bool
	// LineBreaks puts a line break into a field of each class, its location.
	LineBreaks bool
}

// bom is the byte order mark in UTF-8.
const bom = "\uFEFF"

// WriteCSV writes the bulk files of a world into a zip. The same world, version and
// options give the same bytes: files are stored as they are, without dates.
func WriteCSV(dst io.Writer, w *world.World, v Version, o CSVOptions) error {
	t, err := csvTrust(w, v, o)
	if err == nil {
		err = t.zip(dst, o)
	}
	if err != nil {
		return fmt.Errorf("write OneRoster files: %w", err)
	}
	return nil
}

// WriteCSVFolder writes the same files into a folder that exists.
func WriteCSVFolder(dir string, w *world.World, v Version, o CSVOptions) error {
	t, err := csvTrust(w, v, o)
	if err == nil {
		err = t.files(o, func(name string, write func(io.Writer) error) (err error) {
			f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, f.Close()) }()
			return write(f)
		})
	}
	if err != nil {
		return fmt.Errorf("write OneRoster files: %w", err)
	}
	return nil
}

func (t *trust) zip(dst io.Writer, o CSVOptions) error {
	z := zip.NewWriter(dst)
	err := t.files(o, func(name string, write func(io.Writer) error) error {
		f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			return err
		}
		return write(f)
	})
	if err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("end the zip: %w", err)
	}
	return nil
}

// files hands each file to create, in a fixed order.
func (t *trust) files(o CSVOptions, create func(name string, write func(io.Writer) error) error) error {
	all := tables(t.version)
	put := func(name string, rows func(row func([]string) error) error) error {
		err := create(name+".csv", func(to io.Writer) error { return writeTable(to, o, rows) })
		if err != nil {
			return fmt.Errorf("%s.csv: %w", name, err)
		}
		return nil
	}
	if err := put("manifest", func(row func([]string) error) error { return manifest(row, t.version, all) }); err != nil {
		return err
	}
	for _, f := range all {
		if err := put(f.name, func(row func([]string) error) error { return t.rows(f, o, row) }); err != nil {
			return err
		}
	}
	return nil
}

// csvTrust is the world as files show it: no dates of change, and no leavers but those
// who are merely disabled, because in bulk mode what is not there has gone.
func csvTrust(w *world.World, v Version, o CSVOptions) (*trust, error) {
	if v != V11 && v != V12 {
		return nil, fmt.Errorf("there is no OneRoster version %q", v)
	}
	on, err := parse(o.Deviations)
	if err != nil {
		return nil, err
	}
	for _, a := range Switches() {
		if on.has(a.Switch) && !a.Records {
			return nil, fmt.Errorf("the deviation %q does not show in files", a.Switch)
		}
	}
	if !on.has(DisabledLeavers) && !on.has(InactiveStatus) && !on.has(CustomStatus) {
		on[NoTombstones] = 1
	}
	var schools []*school
	now, rolls := w.Now(), w.Rolls()
	for _, r := range rolls {
		if o.School != uuid.Nil && o.School != r.Site.ID || r.Site.Authorised != world.Authorised {
			continue
		}
		schools = append(schools, newSchool(r, world.DateOf(now), on, nil))
	}
	if len(schools) == 0 {
		return nil, errors.New("there is no such school, or it has not given its consent")
	}
	return newTrust(w, v, schools, o.School == uuid.Nil, on, world.DateOf(now)), nil
}

func writeTable(dst io.Writer, o CSVOptions, rows func(func([]string) error) error) error {
	b := bufio.NewWriter(dst)
	if o.BOM {
		if _, err := b.WriteString(bom); err != nil {
			return err
		}
	}
	c := csv.NewWriter(b)
	c.UseCRLF = !o.LF
	if err := rows(c.Write); err != nil {
		return err
	}
	c.Flush()
	if err := c.Error(); err != nil {
		return err
	}
	return b.Flush()
}

func manifest(row func([]string) error, v Version, files []table) error {
	if err := errors.Join(row([]string{"propertyName", "value"}), row([]string{"manifest.version", "1.0"}), row([]string{"oneroster.version", string(v)})); err != nil {
		return err
	}
	for _, name := range fileNames(v) {
		mode := "absent"
		if slices.ContainsFunc(files, func(t table) bool { return t.name == name }) {
			mode = "bulk"
		}
		if err := row([]string{"file." + name, mode}); err != nil {
			return err
		}
	}
	return errors.Join(row([]string{"source.systemName", "simscim sandbox"}), row([]string{"source.systemCode", "simscim-sandbox"}))
}

// rows writes the header and a row for each record; for roles and profiles, one for
// each of a user's.
func (t *trust) rows(f table, o CSVOptions, row func([]string) error) error {
	header := strings.Split(f.header, ",")
	if f.kind == userKind && f.below == "" && !t.on.has(HouseClasses) {
		header = append(header, "metadata.house")
	}
	if err := row(header); err != nil {
		return err
	}
	paths := make([][]string, len(header))
	for i, name := range header {
		paths[i] = pathOf(name)
	}
	cells := make([]string, len(header))
	for r := range t.all(f.kind) {
		whole := t.object(r)
		if o.LineBreaks && r.kind == classKind {
			whole.set("location", "Room "+r.group.Short+"\nUpper floor")
		}
		// In bulk files the status is left out. One that is not active is told all the same,
		// by the switches that make it so.
		if whole.get("status") == "active" {
			whole.put("status", "")
		}
		list := []object{whole}
		if f.below != "" {
			list, _ = whole.get(f.below).([]object)
		}
		for i, one := range list {
			if f.below != "" {
				one = t.part(r, f.below, i, one)
			}
			for j, path := range paths {
				cells[j] = cell(one, path)
			}
			if err := row(cells); err != nil {
				return err
			}
		}
	}
	return nil
}

// part is a role or a profile of a user as a record of its own.
func (t *trust) part(r *record, below string, i int, o object) object {
	part := object{{"sourcedId", derived(r.id, fmt.Sprintf("%s %d", below, i)).String()}, {"status", ""}, {"dateLastModified", ""}, {"user", ref{r.id, userKind}}}
	if below == "userProfiles" {
		part.put("sourcedId", o.get("profileId"))
		if secrets, ok := o.get("credentials").([]object); ok {
			part.set("credentialType", secrets[0].get("type"))
			part.set("username", secrets[0].get("username"))
			part.set("password", secrets[0].get("password"))
		}
	}
	return append(part, o...)
}

// pathOf is where a record has the value of a column. Columns of references end in
// SourcedId, and names that are first and last in JSON are given and family here.
func pathOf(column string) []string {
	field, renamed := map[string]string{
		"orgSourcedIds": "orgs", "agentSourcedIds": "agents", "parentSourcedId": "parent", "schoolYearSourcedId": "schoolYear",
		"orgSourcedId": "org", "courseSourcedId": "course", "schoolSourcedId": "school", "termSourcedIds": "terms",
		"classSourcedId": "class", "userSourcedId": "user", "primaryOrgSourcedId": "primaryOrg", "userProfileSourcedId": "userProfile",
		"preferredGivenName": "preferredFirstName", "preferredMiddleName": "preferredMiddleName", "preferredFamilyName": "preferredLastName",
	}[column]
	if !renamed {
		field = column
	}
	return strings.Split(field, ".")
}

// cell is a record's value at a path; elements of a list are separated by commas.
func cell(o object, path []string) string {
	if path[0] == "userIds" {
		return userIDs(o)
	}
	values := o.texts(path)
	if len(values) == 1 {
		return values[0]
	}
	return strings.Join(values, ",")
}

// userIDs are written {type:identifier}.
func userIDs(o object) string {
	ids, _ := o.get("userIds").([]object)
	var out []string
	for _, id := range ids {
		out = append(out, fmt.Sprintf("{%s:%s}", id.get("type"), id.get("identifier")))
	}
	return strings.Join(out, ",")
}
