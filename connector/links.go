package connector

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"simscim/roster"
)

// linkIdentifier is the identifier under which rules see an administrator's link.
const linkIdentifier = "link"

// links holds the files by which administrators say who is one person across schools.
// A file is read again when it has changed.
type links struct {
	mu    sync.Mutex
	files map[string]linkFile
}

type linkFile struct {
	changed time.Time
	size    int64
	links   map[string]string
}

// apply gives the people of the snapshot their links from the file at path; an empty
// path is no file. A file that cannot be read or understood is an error: without it
// two people might be taken for one, or one for two.
func (l *links) apply(snap *roster.Snapshot, path string) error {
	if path == "" {
		return nil
	}
	byID, err := l.load(path)
	if err != nil {
		return fmt.Errorf("read the links: %w", err)
	}
	for i := range snap.People {
		p := &snap.People[i]
		link, ok := byID[strings.ToLower(p.ID)]
		if !ok {
			continue
		}
		if p.Identifiers == nil {
			p.Identifiers = map[string]string{}
		}
		p.Identifiers[linkIdentifier] = link
	}
	return nil
}

func (l *links) load(path string) (map[string]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if f, ok := l.files[path]; ok && f.changed.Equal(info.ModTime()) && f.size == info.Size() {
		return f.links, nil
	}
	byID, err := ReadPairs(path)
	if err != nil {
		return nil, err
	}
	if l.files == nil {
		l.files = map[string]linkFile{}
	}
	l.files[path] = linkFile{changed: info.ModTime(), size: info.Size(), links: byID}
	return byID, nil
}

// maxPairsFile is the most bytes of a file of pairs.
const maxPairsFile = 64 << 20

// ReadPairs reads a CSV file of two columns, such as links or a re-key map: an id, and
// what goes with it. Ids are compared without case. A line that begins with # is a
// comment. Every problem is reported at once with its line; ids are not repeated in
// it.
func ReadPairs(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readPairs(path, io.LimitReader(f, maxPairsFile))
}

func readPairs(name string, r io.Reader) (map[string]string, error) {
	in := csv.NewReader(r)
	in.Comment, in.FieldsPerRecord, in.TrimLeadingSpace = '#', -1, true
	pairs := map[string]string{}
	var problems []error
	problem := func(line int, what string) { problems = append(problems, fmt.Errorf("%s:%d: %s", name, line, what)) }
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return pairs, errors.Join(problems...)
		}
		if err != nil { // its text tells line and column, and nothing of the content
			return nil, errors.Join(append(problems, fmt.Errorf("%s: %w", name, err))...)
		}
		line, _ := in.FieldPos(0)
		if len(row) != 2 {
			problem(line, fmt.Sprintf("%d columns; there must be two", len(row)))
			continue
		}
		id := strings.ToLower(strings.TrimSpace(strings.TrimPrefix(row[0], "\ufeff")))
		with := strings.TrimSpace(row[1])
		switch {
		case id == "" || with == "":
			problem(line, "an empty column")
		case pairs[id] != "":
			problem(line, "this id stands in the file more than once")
		default:
			pairs[id] = with
		}
	}
}
