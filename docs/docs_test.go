// Package docs_test holds the pages to what they point at: files, headings and tests.
package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const top = ".."

var (
	block   = regexp.MustCompile("(?s)```.*?```")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	unsaid  = regexp.MustCompile(`[^\p{L}\p{N}\s_-]`)
	test    = regexp.MustCompile("`(Test[A-Z][A-Za-z0-9]*)`")
	defined = regexp.MustCompile(`(?m)^func (Test[A-Z][A-Za-z0-9]*)\(`)
)

// pages are the texts of all pages, without their blocks of code, by path from the top.
func pages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, name := range files(t, ".md") {
		found[name] = block.ReplaceAllString(read(t, name), "")
	}
	if len(found) < 10 {
		t.Fatalf("only %d pages were found", len(found))
	}
	return found
}

func files(t *testing.T, suffix string) (names []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(top), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		// gen holds the beginning of a page that stands elsewhere.
		case d.IsDir() && (slices.Contains([]string{"node_modules", "testdata", "gen"}, d.Name()) || len(name) > 1 && name[0] == '.'):
			return fs.SkipDir
		case strings.HasSuffix(name, suffix):
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(top, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestLinks follows each link from page to page, and to a heading in it.
func TestLinks(t *testing.T) {
	t.Parallel()
	all := pages(t)
	for name, text := range all {
		for _, found := range link.FindAllStringSubmatch(text, -1) {
			path, anchor, _ := strings.Cut(found[1], "#")
			if strings.Contains(path, "://") {
				continue
			}
			to := name
			if path != "" {
				to = filepath.ToSlash(filepath.Join(filepath.Dir(name), path))
			}
			if _, err := os.Stat(filepath.Join(top, to)); err != nil {
				t.Errorf("%s leads to %s, which is not there", name, found[1])
			} else if anchor != "" && !slices.Contains(anchors(all[to]), anchor) {
				t.Errorf("%s leads to %s, and there is no such heading", name, found[1])
			}
		}
	}
}

// anchors are the headings as they stand in links.
func anchors(text string) (list []string) {
	for _, h := range heading.FindAllStringSubmatch(text, -1) {
		plain := unsaid.ReplaceAllString(strings.ToLower(h[1]), "")
		list = append(list, strings.ReplaceAll(plain, " ", "-"))
	}
	return list
}

// TestNamedTests finds every test that a page names as proof.
func TestNamedTests(t *testing.T) {
	t.Parallel()
	there := map[string]bool{}
	for _, name := range files(t, "_test.go") {
		for _, found := range defined.FindAllStringSubmatch(read(t, name), -1) {
			there[found[1]] = true
		}
	}
	for name, text := range pages(t) {
		for _, found := range test.FindAllStringSubmatch(text, -1) {
			if !there[found[1]] {
				t.Errorf("%s names %s, and there is no such test", name, found[1])
			}
		}
	}
}
