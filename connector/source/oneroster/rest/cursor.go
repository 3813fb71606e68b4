package rest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strconv"
)

// cursor is where in a list the next request stands.
//
// A link to the next page is followed where the service gives one. Otherwise the offset
// moves on by the records received, never by those asked for: services cap pages as they
// like, so a short page is no sign of the end. The end is a page without a next link
// where links are given, as many records as the total says, or an empty page.
type cursor struct {
	reader *Reader
	list   *list
	// size is the number of records asked for at once.
	size int
	rows int
	// next is the path and query of the next page where a link gave it.
	next string
	// total is the first that the service told, -1 while it has not.
	total int
	// empty says that the page before was empty.
	empty   bool
	visited map[string]bool
	prints  map[[sha256.Size]byte]bool
}

// address gives the path and query of the next request.
func (c *cursor) address() string {
	if c.next != "" {
		return c.next
	}
	q := url.Values{}
	maps.Copy(q, c.list.query)
	q.Set("limit", strconv.Itoa(c.size))
	q.Set("offset", strconv.Itoa(c.rows))
	return c.reader.prefix + c.list.path + "?" + q.Encode()
}

// advance takes page n in and says whether it was the last.
func (c *cursor) advance(n int, a answer, print [sha256.Size]byte) (last bool, err error) {
	here := c.address()
	c.visited[here] = true
	c.rows += a.records
	full := a.records >= c.size
	switch {
	case c.total >= 0 && a.total >= 0 && a.total != c.total:
		return false, &unsteady{c.list.incomplete(n, fmt.Sprintf("came with a total of %d after %d before", a.total, c.total), nil)}
	case max(a.total, c.rows) > c.reader.maxRecords || n >= c.reader.maxPages:
		return false, c.list.incomplete(n, "shows more records than can be true: the list does not end", nil)
	case print != [sha256.Size]byte{} && a.records > 0 && c.prints[print]:
		return false, &unsteady{c.list.incomplete(n, "is the same as a page before", nil)}
	}
	c.prints[print] = true
	if a.total >= 0 {
		c.total = a.total
	}
	if c.total >= 0 && c.rows > c.total {
		return false, &unsteady{c.list.incomplete(n, fmt.Sprintf("brings more records (%d) than the total of %d", c.rows, c.total), nil)}
	}
	if a.records == 0 && c.rows == c.total {
		return true, nil // whatever link it has
	}
	if a.links.next != "" {
		err := c.follow(here, a)
		if err != nil {
			return false, c.list.incomplete(n, err.Error(), nil)
		}
		return false, nil
	}
	switch {
	case c.total >= 0 && c.rows == c.total:
		return true, nil
	case a.records == 0, a.links.any && c.total >= 0, a.links.any && !full:
		return true, c.whole()
	case c.next != "":
		// The links have come to their end without a word about it, which some services do
		// on the last page. There is no offset of our own to go on from but the count.
		c.next = ""
	}
	return false, nil
}

// whole checks the end of a list against its total.
func (c *cursor) whole() error {
	if c.total >= 0 && c.rows != c.total {
		return &unsteady{c.list.ended(c.rows, c.total)}
	}
	return nil
}

// follow takes the link to the next page. It may not go round in a circle, however wide,
// nor through empty pages for ever.
func (c *cursor) follow(here string, a answer) error {
	if a.records == 0 && c.empty {
		return errors.New("is empty like the one before, and yet not the last")
	}
	c.empty = a.records == 0
	next, err := follow(c.reader.base, here, a.links.next)
	if err != nil {
		return err
	}
	if c.visited[next] {
		return errors.New("has a link to the next page that leads back to one before")
	}
	c.next = next
	return nil
}
