package sqlledger

import "testing"

func TestPositional(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ query, want string }{
		{"COMMIT", "COMMIT"},
		{"SELECT a FROM b WHERE c = $1", "SELECT a FROM b WHERE c = ?"},
		{bulk("%s", 2, 1)[6], "(?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?)"},
		{list("%s", 1)[11], "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"},
		// What stands twice, out of order or is no parameter keeps its form.
		{"SET a = $1 WHERE b = $1", "SET a = $1 WHERE b = $1"},
		{"SET a = $2 WHERE b = $1", "SET a = $2 WHERE b = $1"},
		{"SET a = $1 WHERE b = $3", "SET a = $1 WHERE b = $3"},
		{"SELECT '$' WHERE a = $1", "SELECT '$' WHERE a = $1"},
	} {
		if got := positional(c.query); got != c.want {
			t.Errorf("%s\nbecame %s\nwant   %s", c.query, got, c.want)
		}
	}
}
