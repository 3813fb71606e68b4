package csv

import (
	"bufio"
	stdcsv "encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Limits on what a file may ask of us.
const (
	// maxRecord is the size of one record in bytes, roughly: real ones have some hundreds.
	maxRecord = 256 << 10
	// maxDamaged is how many rows of a file may be unreadable before the file itself is
	// taken to be damaged.
	maxDamaged = 100
	// maxColumns is more than any version has, extensions included.
	maxColumns = 1000
)

// rows reads one file, record by record. Only the columns asked for come out of it.
type rows struct {
	file string
	in   *guard
	csv  *stdcsv.Reader
	at   []int // of each column asked for, -1 where the file has none
	head int   // fields of the header
	vals []string
	// count is how many records were read, the damaged among them.
	count   int64
	damaged int
	// onDamage is told of rows that cannot be read, with a reason that names the line.
	onDamage func(reason string)
}

// newRows reads the header. What is wrong with it is wrong with the whole file.
func newRows(file string, r io.Reader, limit int64, cols []column) (*rows, error) {
	in := &guard{r: r, left: limit + 1, record: maxRecord}
	buf := bufio.NewReaderSize(in, 64<<10)
	skipped, err := skipMark(buf)
	if err != nil {
		return nil, fmt.Errorf("%s.csv: %w", file, err)
	}
	in.skipped = int64(skipped)
	rd := &rows{file: file, in: in, csv: stdcsv.NewReader(buf), vals: make([]string, len(cols)), onDamage: func(string) {}}
	rd.csv.FieldsPerRecord, rd.csv.ReuseRecord = -1, true
	header, err := rd.csv.Read()
	switch {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%s.csv is empty: not even the header is there", file)
	case err != nil:
		return nil, rd.fault("the header cannot be read", err)
	case len(header) > maxColumns:
		return nil, fmt.Errorf("%s.csv has %d columns, more than %d", file, len(header), maxColumns)
	}
	rd.head = len(header)
	return rd, rd.find(header, cols)
}

// skipMark passes over a byte order mark, and knows the two that mean another encoding.
func skipMark(buf *bufio.Reader) (skipped int, err error) {
	head, err := buf.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	if string(head) == "\xEF\xBB\xBF" {
		return buf.Discard(3)
	}
	if len(head) >= 2 && (string(head[:2]) == "\xFF\xFE" || string(head[:2]) == "\xFE\xFF") {
		return 0, errors.New("it is UTF-16; OneRoster files are UTF-8")
	}
	return 0, nil
}

func (r *rows) find(header []string, cols []column) error {
	where := map[string]int{}
	for i, name := range header {
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := where[name]; twice && name != "" {
			where[name] = -2
			continue
		}
		where[name] = i
	}
	r.at = make([]int, len(cols))
	var missing []string
	for i, c := range cols {
		at, ok := where[strings.ToLower(c.name)]
		switch {
		case at == -2:
			return fmt.Errorf("%s.csv has the column %s twice", r.file, c.name)
		case ok:
			r.at[i] = at
		default:
			r.at[i] = -1
			if c.required {
				missing = append(missing, c.name)
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	hint := ""
	if len(header) == 1 && strings.ContainsAny(header[0], ";\t|") {
		hint = "; its columns are not separated by commas"
	}
	return fmt.Errorf("%s.csv has no column %s%s", r.file, strings.Join(missing, ", "), hint)
}

// next returns the values of the columns asked for, empty where the file lacks one; they
// stay only until the next call. valid is false where a value is not UTF-8, and then that
// value is empty. At the end it returns io.EOF; any other error means that the file is
// not whole.
func (r *rows) next() (vals []string, valid bool, err error) {
	for {
		r.in.record = maxRecord
		record, err := r.csv.Read()
		if errors.Is(err, io.EOF) {
			return nil, false, io.EOF
		}
		r.count++
		if parse, ok := errors.AsType[*stdcsv.ParseError](err); ok && parse.StartLine == parse.Line && !r.atEnd() {
			if err := r.damage(parse.Line, "a quote is where it must not be"); err != nil {
				return nil, false, err
			}
			continue
		}
		if err != nil {
			return nil, false, r.fault("", err)
		}
		if blank(record) {
			r.count--
			continue
		}
		if len(record) != r.head {
			if err := r.miscounted(record); err != nil {
				return nil, false, err
			}
			continue
		}
		return r.vals, r.pick(record), nil
	}
}

func (r *rows) pick(record []string) (valid bool) {
	valid = true
	for i, at := range r.at {
		r.vals[i] = ""
		switch {
		case at < 0:
		case utf8.ValidString(record[at]):
			r.vals[i] = record[at]
		default:
			valid = false
		}
	}
	return valid
}

// miscounted handles a row with another number of fields than the header. Where it goes
// over several lines, a quote that does not end may have swallowed other rows; where it
// is the last one and has no line end, the file was cut.
func (r *rows) miscounted(record []string) error {
	first, _ := r.csv.FieldPos(0)
	last, _ := r.csv.FieldPos(len(record) - 1)
	switch {
	case r.atEnd() && r.in.last != '\n':
		return fmt.Errorf("%s.csv ends in the middle of line %d", r.file, last)
	case last != first || strings.Contains(record[len(record)-1], "\n"):
		return fmt.Errorf("%s.csv, line %d: a record of several lines does not fit the header", r.file, first)
	}
	return r.damage(first, fmt.Sprintf("it has %d fields, the header has %d", len(record), r.head))
}

// damage notes a row that cannot be read. Too many, and the file as a whole is not
// trusted.
func (r *rows) damage(line int, what string) error {
	if r.damaged++; r.damaged > maxDamaged {
		return fmt.Errorf("%s.csv has more than %d rows that cannot be read, the last in line %d: %s", r.file, maxDamaged, line, what)
	}
	r.onDamage(fmt.Sprintf("%s.csv, line %d: %s", r.file, line, what))
	return nil
}

// atEnd tells whether nothing follows the record just read.
func (r *rows) atEnd() bool { return r.in.ended && r.csv.InputOffset()+r.in.skipped >= r.in.read }

// fault words what ends the reading of a file.
func (r *rows) fault(what string, err error) error {
	if parse, ok := errors.AsType[*stdcsv.ParseError](err); ok {
		// The line where the record began is where somebody has to look.
		return fmt.Errorf("%s.csv, line %d: a quoted value does not end where it should", r.file, parse.StartLine)
	}
	if what != "" {
		return fmt.Errorf("%s.csv: %s: %w", r.file, what, err)
	}
	return fmt.Errorf("%s.csv, after %d records: %w", r.file, r.count-1, err)
}

func blank(record []string) bool {
	for _, v := range record {
		if v != "" && strings.TrimSpace(v) != "" {
			return false
		}
	}
	return true
}

// guard reads a file within limits: of the file as it unfolds, whatever a zip says of its
// size, and of one record, whose end the reader above would otherwise look for for ever.
type guard struct {
	r      io.Reader
	left   int64
	record int64
	read   int64
	// skipped is what of it the reader above never saw.
	skipped int64
	last    byte
	ended   bool
}

func (g *guard) Read(p []byte) (int, error) {
	switch {
	case g.left <= 0:
		return 0, errors.New("the file is larger than allowed")
	case g.record <= 0:
		return 0, fmt.Errorf("a record is longer than %d bytes", maxRecord)
	}
	n, err := g.r.Read(p)
	g.left -= int64(n)
	g.record -= int64(n)
	g.read += int64(n)
	if n > 0 {
		g.last = p[n-1]
	}
	g.ended = errors.Is(err, io.EOF)
	return n, err
}
