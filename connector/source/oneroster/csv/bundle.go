package csv

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// maxEntries is how many entries a zip may have. An export has about twenty.
const maxEntries = 10_000

// bundle is an opened zip or folder. Only files of known names are ever opened, so what
// else lies in it, and under what path, does not matter.
type bundle struct {
	open  map[string]func() (io.ReadCloser, error)
	zip   io.Closer // nil for a folder
	limit int64
}

// Close closes the zip.
func (b *bundle) Close() error {
	if b.zip == nil {
		return nil
	}
	return b.zip.Close()
}

// fileNames are the files that we know, without their ending.
func fileNames() []string {
	return []string{
		fileManifest, fileOrgs, fileSessions, fileCourses, fileClasses, fileUsers, fileRoles, fileDemographics, fileEnrollments,
	}
}

const (
	fileManifest     = "manifest"
	fileOrgs         = "orgs"
	fileSessions     = "academicSessions"
	fileCourses      = "courses"
	fileClasses      = "classes"
	fileUsers        = "users"
	fileRoles        = "roles"
	fileDemographics = "demographics"
	fileEnrollments  = "enrollments"
)

func known(base string) (name string, ok bool) {
	for _, n := range fileNames() {
		if strings.EqualFold(base, n+".csv") {
			return n, true
		}
	}
	return "", false
}

func openBundle(location string, limit int64) (*bundle, error) {
	info, err := os.Stat(location)
	if err != nil {
		return nil, fmt.Errorf("open the files: %w", err)
	}
	if info.IsDir() {
		return openFolder(location, limit)
	}
	return openZip(location, limit)
}

func openFolder(location string, limit int64) (*bundle, error) {
	entries, err := os.ReadDir(location)
	if err != nil {
		return nil, fmt.Errorf("open the folder: %w", err)
	}
	b := &bundle{open: map[string]func() (io.ReadCloser, error){}, limit: limit}
	for _, e := range entries {
		name, ok := known(e.Name())
		if !ok {
			continue
		}
		if b.open[name] != nil {
			return nil, fmt.Errorf("%s.csv is there twice, in different spellings", name)
		}
		full := filepath.Join(location, e.Name())
		b.open[name] = func() (io.ReadCloser, error) { return os.Open(full) }
	}
	return b, nil
}

// openZip looks for the files by their last name, since some exports put them into a
// folder. What macOS adds to a zip is none of them.
func openZip(location string, limit int64) (*bundle, error) {
	z, err := zip.OpenReader(location)
	if errors.Is(err, zip.ErrFormat) {
		return nil, errors.New("the file is not a zip, or ends in the middle")
	}
	if err != nil {
		return nil, fmt.Errorf("open the zip: %w", err)
	}
	b := &bundle{open: map[string]func() (io.ReadCloser, error){}, zip: z, limit: limit}
	if len(z.File) > maxEntries {
		return nil, errors.Join(fmt.Errorf("the zip has %d entries, more than %d", len(z.File), maxEntries), z.Close())
	}
	for _, f := range z.File {
		full := strings.ReplaceAll(f.Name, `\`, "/")
		name, ok := known(path.Base(full))
		if !ok || strings.HasPrefix(full, "__MACOSX/") || !f.Mode().IsRegular() {
			continue
		}
		const encrypted = 0x1
		switch {
		case b.open[name] != nil:
			err = fmt.Errorf("%s.csv is in the zip twice", name)
		case f.Flags&encrypted != 0:
			err = fmt.Errorf("%s.csv is encrypted", name)
		}
		if err != nil {
			return nil, errors.Join(err, z.Close())
		}
		b.open[name] = f.Open
	}
	return b, nil
}

func (b *bundle) has(name string) bool { return b.open[name] != nil }

// stamp tells one state of the files from another: sizes and times of change.
func stamp(location string) (string, error) {
	info, err := os.Stat(location)
	if err != nil {
		return "", fmt.Errorf("look at the files: %w", err)
	}
	if !info.IsDir() {
		return stampOf(info), nil
	}
	entries, err := os.ReadDir(location)
	if err != nil {
		return "", fmt.Errorf("look at the folder: %w", err)
	}
	var out strings.Builder
	for _, e := range entries {
		if _, ok := known(e.Name()); !ok {
			continue
		}
		info, err := os.Stat(filepath.Join(location, e.Name()))
		if err != nil {
			return "", fmt.Errorf("look at the folder: %w", err)
		}
		out.WriteString(stampOf(info))
	}
	return out.String(), nil
}

func stampOf(info fs.FileInfo) string {
	return fmt.Sprintf("%s %d %d\n", info.Name(), info.Size(), info.ModTime().UnixNano())
}
