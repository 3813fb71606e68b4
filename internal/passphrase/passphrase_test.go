package passphrase

import (
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// seeded is a stream that is the same every time.
func seeded(seed byte) io.Reader { return rand.NewChaCha8([32]byte{seed}) }

func TestEveryPasswordIsUsable(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]struct {
		make func(io.Reader) (string, error)
		form *regexp.Regexp
	}{
		"random": {Random, regexp.MustCompile(`^[A-HJ-NP-Za-kmnp-z][A-HJ-NP-Za-kmnp-z2-9!#%*_?-]{15}$`)},
		"words":  {Words, regexp.MustCompile(`^([A-Z][a-z]{3,5}-){3}[2-9]{2}$`)},
	} {
		r, seen := seeded(1), map[string]bool{}
		for range 5000 {
			s, err := kind.make(r)
			if err != nil {
				t.Fatal(err)
			}
			if !kind.form.MatchString(s) || !holdsAll(s) {
				t.Fatalf("%s: %q", name, s)
			}
			if seen[s] {
				t.Fatalf("%s: %q came twice", name, s)
			}
			seen[s] = true
		}
	}
}

// Every character and every word comes about as often as every other. The stream is
// fixed, so a failure is a fault and never chance.
func TestEvenlyDistributed(t *testing.T) {
	t.Parallel()
	r := seeded(2)
	chars := map[rune]int{}
	words := map[string]int{}
	const n = 20000
	for range n {
		s, _ := Random(r)
		for _, c := range s[1:] {
			chars[c]++
		}
		p, _ := Words(r)
		for _, w := range strings.Split(p, "-")[:3] {
			words[w]++
		}
	}
	if len(chars) != len(all) || len(words) != 1024 {
		t.Fatalf("%d characters of %d, %d words", len(chars), len(all), len(words))
	}
	// Signs and digits are a little more frequent: passwords without any are made anew.
	for c, got := range chars {
		if mean := n * float64(RandomLength-1) / float64(len(all)); math.Abs(float64(got)-mean) > 0.25*mean {
			t.Errorf("%q came %d times, %.0f are usual", c, got, mean)
		}
	}
	for w, got := range words {
		if mean := 3 * n / 1024.0; math.Abs(float64(got)-mean) > 6*math.Sqrt(mean) {
			t.Errorf("%q came %d times, %.0f are usual", w, got, mean)
		}
	}
}

func TestWordList(t *testing.T) {
	t.Parallel()
	words := strings.Fields(wordList)
	if len(words) != 1024 {
		t.Errorf("%d words", len(words))
	}
	if !slices.IsSorted(words) || len(slices.Compact(slices.Clone(words))) != len(words) {
		t.Error("the list is not sorted, or has a word twice")
	}
	for _, w := range words {
		if len(w) < 4 || len(w) > 6 || strings.Trim(w, "abcdefghijklmnopqrstuvwxyz") != "" {
			t.Errorf("%q", w)
		}
	}
}

func TestNoRandomness(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, make := range []func(io.Reader) (string, error){Random, Words} {
		if s, err := make(iotest.ErrReader(broken)); !errors.Is(err, broken) || s != "" {
			t.Errorf("%q, %v", s, err)
		}
		if s, err := make(io.LimitReader(seeded(3), 5)); err == nil {
			t.Errorf("%q from five bytes", s)
		}
	}
}
