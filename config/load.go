package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
)

// Load reads the configuration from files, and from all *.yaml and *.yml files of
// folders, in the order given and by name inside a folder. Maps merge across files,
// lists of sites follow one another, and every other section stands in one file only.
//
// With problems the configuration is not fit for use; it is returned all the same, as
// far as it could be read and nil if not at all, so that its rules can be checked too.
func Load(paths ...string) (*Config, Problems) {
	l := newLoader()
	if len(paths) == 0 {
		l.report(Pos{}, "", "no configuration file was given")
	}
	for _, path := range paths {
		for _, name := range l.expand(path) {
			if data, ok := l.read(name); ok {
				l.add(name, data)
			}
		}
	}
	return l.finish()
}

// Parse reads a configuration of one file that is already in memory.
func Parse(name string, data []byte) (*Config, Problems) {
	l := newLoader()
	l.add(name, data)
	return l.finish()
}

// loader gathers one configuration from its files.
type loader struct {
	cfg      *Config
	problems Problems
	// first is where the first file begins, the place of what is missing altogether.
	first Pos
	// found is set once a file could be read.
	found bool
}

func newLoader() *loader {
	return &loader{cfg: &Config{where: map[string]Pos{}}}
}

func (l *loader) report(at Pos, path, what string) {
	l.problems = append(l.problems, Problem{At: at, Path: path, What: what})
}

// expand lists the files that a path stands for.
func (l *loader) expand(path string) []string {
	info, err := os.Stat(path)
	if err != nil {
		l.report(Pos{File: path}, "", reason(err))
		return nil
	}
	if !info.IsDir() {
		return []string{path}
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		l.report(Pos{File: path}, "", reason(err))
		return nil
	}
	var names []string
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); !e.IsDir() && (ext == ".yaml" || ext == ".yml") {
			names = append(names, filepath.Join(path, e.Name()))
		}
	}
	if len(names) == 0 {
		l.report(Pos{File: path}, "", "the folder holds no *.yaml or *.yml file")
	}
	return names
}

// read returns the content of a file, at most one byte more than is allowed.
func (l *loader) read(name string) ([]byte, bool) {
	f, err := os.Open(name)
	if err != nil {
		l.report(Pos{File: name}, "", reason(err))
		return nil, false
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, mostBytes+1))
	if err != nil {
		l.report(Pos{File: name}, "", reason(err))
		return nil, false
	}
	return data, true
}

// reason is the cause of a file error without the path, which stands before it.
func reason(err error) string {
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		err = pe.Err
	}
	return fmt.Sprintf("the file cannot be read: %v", err)
}

// add decodes one more file into the configuration.
func (l *loader) add(name string, data []byte) {
	begin := Pos{File: name, Line: 1, Col: 1}
	if l.first.File == "" {
		l.first = begin
	}
	root := parseYAML(name, data, &l.problems)
	if root == nil {
		return
	}
	if root.kind != mapping {
		l.report(root.at, "", "a configuration is a map of keys, not "+root.kind.String())
		return
	}
	l.found = true
	d := &decoder{src: newSource(data), problems: &l.problems, where: l.cfg.where}
	v := reflect.ValueOf(l.cfg).Elem()
	fields := fieldsOf(v.Type())
	for _, e := range root.entries {
		f, ok := find(fields, e.key)
		if !ok {
			l.report(e.at, child("", e.key), "this key is not known"+didYouMean(e.key, keysOf(fields)))
			continue
		}
		l.section(d, v.Field(f.index), f, e)
	}
}

// section decodes one top-level key. Defaults are set when it is first met.
func (l *loader) section(d *decoder, v reflect.Value, f field, e entry) {
	first, again := l.cfg.where[f.key]
	switch {
	case !again && v.Kind() == reflect.Struct:
		setDefaults(v)
	case again && v.Kind() == reflect.Map:
		l.mergeMap(d, v, f, e)
		return
	case again && v.Kind() == reflect.Slice:
		l.appendList(d, v, f, e)
		return
	case again && v.Kind() != reflect.Int:
		// The version may stand in every file.
		l.report(e.at, f.key, "this section stands in one file only; it is already at "+first.String())
		return
	}
	d.value(v, e.value, f.key, e.at, f)
}

// mergeMap adds the entries of a map that an earlier file has begun.
func (l *loader) mergeMap(d *decoder, v reflect.Value, f field, e entry) {
	if e.value.kind != mapping {
		d.value(reflect.New(v.Type()).Elem(), e.value, f.key, e.at, f)
		return
	}
	fresh := *e.value
	fresh.entries = nil
	for _, inner := range e.value.entries {
		if first, twice := l.cfg.where[child(f.key, inner.key)]; twice {
			l.report(inner.at, child(f.key, inner.key), "this name is already taken at "+first.String())
			continue
		}
		fresh.entries = append(fresh.entries, inner)
	}
	d.value(v, &fresh, f.key, e.at, field{keys: f.keys, names: f.names})
}

// appendList adds the items of a list that an earlier file has begun.
func (l *loader) appendList(d *decoder, v reflect.Value, f field, e entry) {
	if e.value.kind != list {
		d.value(reflect.New(v.Type()).Elem(), e.value, f.key, e.at, f)
		return
	}
	for _, it := range e.value.items {
		made := reflect.New(v.Type().Elem()).Elem()
		d.value(made, it, item(f.key, v.Len()), it.at, field{})
		v.Set(reflect.Append(v, filled(made)))
	}
}

// finish fills in what no file gave, checks what spans several keys, and works out
// the effective values of the sites.
func (l *loader) finish() (*Config, Problems) {
	if !l.found {
		return nil, l.problems.Sort()
	}
	v := reflect.ValueOf(l.cfg).Elem()
	for _, f := range fieldsOf(v.Type()) {
		if _, given := l.cfg.where[f.key]; given {
			continue
		}
		if f.required {
			l.report(l.first, f.key, "this key is missing")
		}
		if fv := v.Field(f.index); fv.Kind() == reflect.Struct {
			setDefaults(fv)
		}
	}
	l.cfg.Safeguards = withDefaultSafeguards(l.cfg.Safeguards)
	l.cfg.inheritLeavers()
	(&checker{cfg: l.cfg, problems: &l.problems}).all()
	l.cfg.entries = l.cfg.resolveAll()
	if len(l.problems) == 0 {
		return l.cfg, nil
	}
	return l.cfg, slices.Clip(l.problems.Sort())
}
