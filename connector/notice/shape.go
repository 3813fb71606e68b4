package notice

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
)

// object is a JSON object whose keys come out sorted.
type object = map[string]any

// payload is the JSON of a webhook of type webhook. Its form is a contract: what is
// there stays, and Version changes when that cannot be kept.
type payload struct {
	Version int       `json:"version"`
	ID      string    `json:"id"`
	Kind    Kind      `json:"kind"`
	At      time.Time `json:"at"`
	Target  string    `json:"target,omitempty"`
	Title   string    `json:"title"`
	Lines   []string  `json:"lines"`
	// Count is the number of schools, of which Schools lists the first.
	Count   int             `json:"count"`
	Schools []payloadSchool `json:"schools"`
	Reason  string          `json:"reason,omitempty"`
	NextTry *time.Time      `json:"nextTry,omitempty"`
}

type payloadSchool struct {
	Site     string     `json:"site"`
	Name     string     `json:"name,omitempty"`
	DfE      string     `json:"dfe,omitempty"`
	Hold     int64      `json:"hold,omitempty"`
	Reason   string     `json:"reason,omitempty"`
	LastGood *time.Time `json:"lastGood,omitempty"`
}

func plainShape(n Notice) any {
	p := payload{
		Version: 1, ID: n.ID(), Kind: n.Kind, At: n.At.UTC(), Target: n.Target, Title: n.Title(), Lines: n.Lines(),
		Count: len(n.Schools), Schools: []payloadSchool{}, Reason: cut(n.Reason, longestReason), NextTry: given(n.Next),
	}
	for _, s := range n.shown() {
		p.Schools = append(p.Schools, payloadSchool{
			Site: s.Site, Name: cut(s.Name, longestName), DfE: s.DfE, Hold: s.Hold,
			Reason: cut(s.Reason, longestReason), LastGood: given(s.LastGood),
		})
	}
	return p
}

func given(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// teamsShape is an Adaptive Card in the message that a Teams workflow takes. Its texts
// are text runs, because a text block would read a school's name as Markdown.
func teamsShape(n Notice) any {
	body := []any{richText(object{"type": "TextRun", "text": n.Title(), "weight": "bolder", "size": "medium"})}
	for _, line := range n.Lines() {
		body = append(body, richText(object{"type": "TextRun", "text": line}))
	}
	return object{
		"type": "message",
		"attachments": []any{object{
			"contentType": "application/vnd.microsoft.card.adaptive",
			"contentUrl":  nil,
			"content": object{
				"$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
				"type":    "AdaptiveCard", "version": "1.4",
				"fallbackText": n.Title(), "body": body,
			},
		}},
	}
}

func richText(run object) object {
	return object{"type": "RichTextBlock", "inlines": []any{run}}
}

// slackShape is a message of blocks. Slack shows text where blocks cannot be shown, as
// on a telephone's lock screen.
func slackShape(n Notice) any {
	title := slackEscape(n.Title())
	blocks := []any{object{"type": "section", "text": object{"type": "mrkdwn", "text": "*" + strings.ReplaceAll(title, "*", "") + "*"}}}
	for _, line := range n.Lines() {
		blocks = append(blocks, object{"type": "section", "text": object{"type": "plain_text", "emoji": false, "text": slackEscape(line)}})
	}
	return object{"text": title, "blocks": blocks}
}

// slackEscape keeps a text from being read as markup: <!channel> would call everybody.
func slackEscape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// encode writes JSON as it is, without escapes for HTML.
func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(buf.Bytes()), nil
}
