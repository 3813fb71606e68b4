package console

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"go.uber.org/zap"
)

// view asks for the status; an error goes to the log and, without its text, to the
// browser.
func (c *console) view(w http.ResponseWriter, r *http.Request) (View, bool) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	v, err := c.o.Status.Status(ctx)
	if err != nil {
		c.o.Log.Error("the status could not be put together", zap.Error(err))
		text(w, http.StatusServiceUnavailable, "the status is not available at the moment; the log says why\n")
		return View{}, false
	}
	v.Sites = sortSites(v.Sites)
	return v, true
}

func (c *console) statusJSON(w http.ResponseWriter, r *http.Request) {
	v, ok := c.view(w, r)
	if !ok {
		return
	}
	for i := range v.Sites {
		if v.Sites[i].Targets == nil {
			v.Sites[i].Targets = []Target{}
		}
	}
	if v.Sites == nil {
		v.Sites = []Site{}
	}
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		c.o.Log.Error("the status could not be written as JSON", zap.Error(err))
		text(w, http.StatusInternalServerError, "the status could not be written\n")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(b, '\n'))
}

func (c *console) statusPage(w http.ResponseWriter, r *http.Request) {
	v, ok := c.view(w, r)
	if !ok {
		return
	}
	var b bytes.Buffer
	if err := c.page.write(&b, v); err != nil {
		c.o.Log.Error("the status page could not be written", zap.Error(err))
		text(w, http.StatusInternalServerError, "the status could not be written\n")
		return
	}
	w.Header().Set("Content-Security-Policy", c.page.policy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes())
}
