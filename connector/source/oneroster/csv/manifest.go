package csv

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// manifest says which files an export has, and whether each is whole.
type manifest struct {
	version string // of OneRoster: "1.1" or "1.2"
	system  string // who made the export, as they call themselves
	mode    map[string]string
}

// maxManifest is the size of a manifest in bytes. Real ones have about 1000.
const maxManifest = 1 << 20

// readManifest reads it. Where the configuration names a version, that one counts.
func readManifest(b *bundle, version string) (*manifest, error) {
	if !b.has(fileManifest) {
		return nil, errors.New("there is no manifest.csv, so what is whole and what is not cannot be known")
	}
	f, err := b.open[fileManifest]()
	if err != nil {
		return nil, fmt.Errorf("open manifest.csv: %w", err)
	}
	defer f.Close()
	m, err := parseManifest(f)
	if err != nil {
		return nil, err
	}
	if version != "" {
		m.version = version
	}
	if m.version != "1.1" && m.version != "1.2" {
		return nil, errors.New("manifest.csv: oneroster.version is neither 1.1 nor 1.2")
	}
	return m, nil
}

func parseManifest(f io.Reader) (*manifest, error) {
	rd, err := newRows(fileManifest, f, maxManifest, must("propertyName", "value"))
	if err != nil {
		return nil, err
	}
	var damage error
	rd.onDamage = func(reason string) { damage = errors.New(reason) }
	m := &manifest{mode: map[string]string{}}
	seen := map[string]string{}
	for {
		vals, valid, err := rd.next()
		if errors.Is(err, io.EOF) && damage == nil {
			break
		}
		if err = errors.Join(damage, err); err != nil {
			return nil, err
		}
		if !valid {
			return nil, errors.New("manifest.csv is not UTF-8")
		}
		key, value := strings.ToLower(strings.TrimSpace(vals[0])), strings.TrimSpace(vals[1])
		if before, twice := seen[key]; twice && before != value {
			return nil, errors.New("manifest.csv says two things of the same property")
		}
		seen[key] = value
	}
	m.version, m.system = seen["oneroster.version"], seen["source.systemname"]
	for _, name := range fileNames() {
		m.mode[name] = strings.ToLower(seen["file."+strings.ToLower(name)])
	}
	return m, nil
}

// use tells whether a file is to be read, and refuses what would not be whole.
func (m *manifest) use(b *bundle, name string, required bool) (bool, error) {
	switch mode := m.mode[name]; {
	case mode == "delta":
		return false, fmt.Errorf("%s.csv holds changes only (delta), which never prove who is there: make a bulk export", name)
	case mode == "bulk" && !b.has(name):
		return false, fmt.Errorf("%s.csv is missing, though manifest.csv promises it", name)
	case mode == "bulk":
		return true, nil
	case mode == "absent" && required:
		return false, fmt.Errorf("manifest.csv says that there is no %s.csv, without which a roll cannot be read", name)
	case mode == "" && (required || b.has(name)):
		return false, fmt.Errorf("manifest.csv does not say whether %s.csv is whole", name)
	case mode != "absent" && mode != "":
		return false, fmt.Errorf("manifest.csv says neither absent nor bulk nor delta of %s.csv", name)
	default:
		return false, nil
	}
}
