package sqlledger

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"simscim/connector/ledger"
)

// maxRows is how many rows or keys one statement takes. There is one prepared
// statement for each number up to it.
const maxRows = 64

// numbered makes the same statement for each number of rows, 1 to maxRows.
type numbered [maxRows + 1]string

// bulk builds statements that take n rows of so many columns: %s in format becomes
// "($1, $2), ($3, $4)". first is the number of the first parameter.
func bulk(format string, columns, first int) *numbered {
	var all numbered
	for n := 1; n <= maxRows; n++ {
		rows := make([]string, n)
		for i := range rows {
			rows[i] = "(" + params(first+i*columns, columns) + ")"
		}
		all[n] = fmt.Sprintf(format, strings.Join(rows, ", "))
	}
	return &all
}

// list builds statements that take n values: %s in format becomes "$3, $4".
func list(format string, first int) *numbered {
	var all numbered
	for n := 1; n <= maxRows; n++ {
		all[n] = fmt.Sprintf(format, params(first, n))
	}
	return &all
}

func params(first, n int) string {
	s := make([]string, n)
	for i := range s {
		s[i] = "$" + strconv.Itoa(first+i)
	}
	return strings.Join(s, ", ")
}

// micros is how a time is stored.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// checkText refuses what not every database can hold or index. The error does not
// repeat the text.
func checkText(what, s string) error {
	switch {
	case len(s) > ledger.MaxText:
		return fmt.Errorf("%s is too long: %d bytes, at most %d are kept", what, len(s), ledger.MaxText)
	case strings.IndexByte(s, 0) >= 0:
		return fmt.Errorf("%s contains a NUL character", what)
	case !utf8.ValidString(s):
		return fmt.Errorf("%s is not valid UTF-8", what)
	}
	return nil
}

// checkID is checkText for what must not be empty either.
func checkID(what, s string) error {
	if s == "" {
		return errors.New(what + " is empty")
	}
	return checkText(what, s)
}
