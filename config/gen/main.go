// Command gen writes docs/configuration.md and docs/simscim.schema.json from the types
// of package config: their doc comments are the text, their tags the rules. It reads
// and writes nothing else.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	// go generate runs in the folder of package config.
	if err := run(".."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is a main
	}
}

// run writes both files below the top folder of the repository.
func run(top string) error {
	files, err := generate(top)
	if err != nil {
		return err
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(top, name), data, 0o644); err != nil { //nolint:gosec // documents are for everybody
			return fmt.Errorf("write the reference: %w", err)
		}
	}
	return nil
}

// generate returns the files by their name below the top folder.
func generate(top string) (map[string][]byte, error) {
	m, err := readModel(filepath.Join(top, "config", "types.go"))
	if err != nil {
		return nil, err
	}
	schema, err := m.schema()
	if err != nil {
		return nil, err
	}
	return map[string][]byte{
		filepath.Join("docs", "configuration.md"):    m.markdown(),
		filepath.Join("docs", "simscim.schema.json"): schema,
	}, nil
}
