package entra

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// deltaState is what a delta link remembers: until which revision the client has seen
// which kind of object, and which properties it selected.
type deltaState struct {
	Groups bool   `json:"g"`
	Rev    int    `json:"r"`
	Select string `json:"s,omitempty"`
}

// cursor is a round of changes that is read page by page.
type cursor struct {
	id      string
	entries []map[string]any
	then    deltaState
}

// maxCursors is how many rounds are remembered; older ones have to begin anew.
const maxCursors = 64

func (c *call) deltaUsers() (reply, error)  { return c.delta(false) }
func (c *call) deltaGroups() (reply, error) { return c.delta(true) }

// delta answers with a page of what has changed.
func (c *call) delta(groups bool) (reply, error) {
	if err := c.only("$select", "$deltatoken", "$deltaToken", "$skiptoken"); err != nil {
		return reply{}, err
	}
	if token := c.query.Get("$skiptoken"); token != "" {
		return c.deltaPage(token)
	}
	from, latest, err := c.deltaFrom(groups)
	if err != nil {
		return reply{}, err
	}
	c.query.Set("$select", from.Select)
	if from.Select == "" {
		c.query.Del("$select")
	}
	round := cursor{id: c.newID(), then: deltaState{groups, c.directory.rev, from.Select}}
	if !latest {
		if round.entries, err = c.changed(from); err != nil {
			return reply{}, err
		}
	}
	c.cursors = append(c.cursors, round)
	c.cursors = c.cursors[max(len(c.cursors)-maxCursors, 0):]
	return c.deltaPage(round.id + ".0")
}

// deltaFrom reads the link, or begins anew without one.
func (c *call) deltaFrom(groups bool) (from deltaState, latest bool, err error) {
	from = deltaState{Groups: groups, Select: c.query.Get("$select")}
	token := cmp.Or(c.query.Get("$deltatoken"), c.query.Get("$deltaToken"))
	switch {
	case token == "" || token == "latest":
		return from, token != "", nil
	case happens(&c.faults.ForgetDeltas):
		return from, false, c.gone()
	}
	from = deltaState{}
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || json.Unmarshal(b, &from) != nil || from.Groups != groups || from.Rev > c.directory.rev {
		return from, false, badRequest("Badly formed token.")
	}
	return from, false, nil
}

// gone tells the client to read everything again.
func (c *call) gone() error {
	return &problem{
		status: http.StatusGone, code: "SyncStateNotFound", message: "The sync state is not found: start the synchronization again.",
		header: http.Header{"Location": {c.base() + "/" + strings.Join(c.path, "/")}},
	}
}

func (c *call) deltaPage(token string) (reply, error) {
	id, offset, _ := strings.Cut(token, ".")
	at := slices.IndexFunc(c.cursors, func(round cursor) bool { return round.id == id })
	if at < 0 {
		return reply{}, c.gone()
	}
	round := c.cursors[at]
	from, err := strconv.Atoi(offset)
	if err != nil || from < 0 || from > len(round.entries) {
		return reply{}, badRequest("Badly formed token.")
	}
	end := min(from+c.options.PageSize, len(round.entries))
	link := c.base() + "/" + strings.Join(c.path, "/")
	body := map[string]any{"value": append([]map[string]any{}, round.entries[from:end]...)}
	if end < len(round.entries) {
		body["@odata.nextLink"] = fmt.Sprintf("%s?$skiptoken=%s.%d", link, id, end)
		return reply{status: http.StatusOK, body: body}, nil
	}
	then, err := json.Marshal(round.then)
	if err != nil {
		return reply{}, err
	}
	body["@odata.deltaLink"] = link + "?$deltatoken=" + base64.RawURLEncoding.EncodeToString(then)
	return reply{status: http.StatusOK, body: body}, nil
}

// changed are the objects that changed since, in the order of their lists. What was
// deleted is told only to those who may have seen it.
func (c *call) changed(from deltaState) ([]map[string]any, error) {
	list := c.directory.users
	if from.Groups {
		list = c.directory.groups
	}
	var out []map[string]any
	for _, o := range list {
		switch {
		case o.rev <= from.Rev || o.gone != "" && from.Rev == 0:
		case o.gone != "":
			out = append(out, map[string]any{"id": o.id, "@removed": map[string]any{"reason": o.gone}})
		default:
			doc, err := c.deltaDoc(o)
			if err != nil {
				return nil, err
			}
			out = append(out, doc)
			if from.Groups && (from.Select == "" || slices.Contains(strings.Split(from.Select, ","), "members")) {
				out = c.withMembers(out, o, from.Rev)
			}
		}
	}
	return out, nil
}

// deltaDoc leaves out what was never set.
func (c *call) deltaDoc(o *object) (map[string]any, error) {
	show := *c
	show.query = map[string][]string{}
	names := userDefaults()
	if !o.user {
		names = groupDefaults()
	}
	if c.query.Has("$select") {
		names = strings.Split(c.query.Get("$select"), ",")
		names = slices.DeleteFunc(names, func(name string) bool { return name == "members" && !o.user })
	}
	kindOf := userKind
	if !o.user {
		kindOf = groupKind
	}
	doc, err := show.view(o, names, kindOf)
	if err != nil {
		return nil, err
	}
	for name, value := range doc {
		if value == nil {
			delete(doc, name)
		}
	}
	return doc, nil
}

// withMembers adds the changes of membership to the last entry. A large group comes in
// several entries with the same id.
func (c *call) withMembers(out []map[string]any, g *object, rev int) []map[string]any {
	var list []map[string]any
	for _, id := range since(g.members, rev) {
		list = append(list, map[string]any{"@odata.type": memberType(c.directory.objects[id]), "id": id})
	}
	if rev > 0 {
		for _, id := range since(g.left, rev) {
			list = append(list, map[string]any{
				"@odata.type": memberType(c.directory.objects[id]), "id": id, "@removed": map[string]any{"reason": "deleted"},
			})
		}
	}
	first := true
	for part := range slices.Chunk(list, c.options.PageSize) {
		if !first {
			out = append(out, map[string]any{"id": g.id})
		}
		out[len(out)-1]["members@delta"] = part
		first = false
	}
	return out
}

func memberType(o *object) string {
	if o.user {
		return "#microsoft.graph.user"
	}
	return "#microsoft.graph.group"
}
