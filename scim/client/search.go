package client

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"simscim/scim"
)

// parameters are those of one request for a page (RFC 7644 §3.4.2, RFC 9865 §2). Zero
// values are not sent.
type parameters struct {
	Filter     string   `json:"filter,omitempty"`
	Excluded   []string `json:"excludedAttributes,omitempty"`
	StartIndex int      `json:"startIndex,omitempty"`
	Count      int      `json:"count,omitempty"`
	Cursor     string   `json:"cursor,omitempty"`
}

// query is their form in a URL, with the question mark. Blanks are written as %20: the
// plus sign means a blank in forms only, and not every server takes a query for a form
// (RFC 3986 §3.4).
func (p parameters) query() string {
	v := url.Values{}
	if p.Filter != "" {
		v.Set("filter", p.Filter)
	}
	if len(p.Excluded) > 0 {
		v.Set("excludedAttributes", strings.Join(p.Excluded, ","))
	}
	if p.StartIndex > 0 {
		v.Set("startIndex", strconv.Itoa(p.StartIndex))
	}
	if p.Count > 0 {
		v.Set("count", strconv.Itoa(p.Count))
	}
	if p.Cursor != "" {
		v.Set("cursor", p.Cursor)
	}
	if len(v) == 0 {
		return ""
	}
	return "?" + strings.ReplaceAll(v.Encode(), "+", "%20")
}

// message is their form as a SearchRequest (RFC 7644 §3.4.3).
func (p parameters) message() ([]byte, error) {
	return json.Marshal(struct {
		Schemas []string `json:"schemas"`
		parameters
	}{[]string{scim.SearchURN}, p})
}
