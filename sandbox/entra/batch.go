package entra

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// maxSteps is how many requests a batch may hold.
const maxSteps = 20

// stepRequest is one request of a batch.
type stepRequest struct {
	ID, Method, URL string
	Headers         map[string]string
	Body            json.RawMessage
	DependsOn       []string
}

// stepAnswer is the answer to one. A failed dependency is 424.
type stepAnswer struct {
	ID      string            `json:"id"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    any               `json:"body,omitempty"`
}

// batch carries requests out one by one, those that depend on others after them. The
// answers come in another order than the requests, as they may.
func (c *call) batch() (reply, error) {
	c.mu.Lock()
	_, err := c.admit(c.r, c.now())
	c.mu.Unlock()
	if err != nil {
		return reply{}, err
	}
	if _, err := c.object(); err != nil {
		return reply{}, err
	}
	var request struct{ Requests []stepRequest }
	if err := json.Unmarshal(c.body, &request); err != nil {
		return reply{}, batchError("Invalid batch payload format.")
	}
	steps := request.Requests
	if err := checkSteps(steps); err != nil {
		return reply{}, err
	}
	statuses, answers := map[string]int{}, []stepAnswer{}
	for len(answers) < len(steps) {
		for _, step := range steps {
			if statuses[step.ID] != 0 || slices.ContainsFunc(step.DependsOn, func(id string) bool { return statuses[id] == 0 }) {
				continue
			}
			a := c.step(step, statuses)
			statuses[step.ID] = a.Status
			answers = append(answers, a)
		}
	}
	slices.Reverse(answers)
	return reply{status: http.StatusOK, body: map[string]any{"responses": answers}}, nil
}

func batchError(message string) error {
	return &problem{status: http.StatusBadRequest, code: "BadRequest", message: message}
}

// checkSteps refuses what cannot be carried out: a step may depend only on earlier ones,
// which also keeps circles out.
func checkSteps(steps []stepRequest) error {
	if len(steps) == 0 || len(steps) > maxSteps {
		return batchError("Number of batch request steps exceeds the maximum value of 20, or is zero.")
	}
	var ids []string
	for _, step := range steps {
		switch {
		case step.ID == "" || slices.Contains(ids, step.ID):
			return batchError("The id of a request is missing or not unique.")
		case step.Method == "" || step.URL == "":
			return batchError("The method or the url of a request is missing.")
		case slices.ContainsFunc(step.DependsOn, func(id string) bool { return !slices.Contains(ids, id) }):
			return batchError("A request depends on one that does not come before it.")
		}
		ids = append(ids, step.ID)
	}
	return nil
}

// step carries one request out, with the bearer of the whole batch.
func (c *call) step(step stepRequest, statuses map[string]int) stepAnswer {
	r, path, err := c.stepRequest(step)
	part := &call{Service: c.Service, r: r, version: c.version, path: path}
	var a reply
	switch {
	case err != nil:
		a = failed(err)
	case slices.ContainsFunc(step.DependsOn, func(id string) bool { return statuses[id] >= 400 }):
		a = failed(&problem{status: http.StatusFailedDependency, code: "FailedDependency", message: "A request that this one depends on has failed."})
	default:
		part.query = r.URL.Query()
		a = part.partAnswer()
	}
	a = c.stamp(c.r, a)
	out := stepAnswer{ID: step.ID, Status: a.status, Headers: map[string]string{}, Body: a.body}
	for name := range a.header {
		out.Headers[name] = a.header.Get(name)
	}
	if a.body != nil {
		out.Headers["Content-Type"] = "application/json"
	}
	return out
}

func (c *call) partAnswer() reply {
	if err := c.find(); err != nil {
		return failed(err)
	}
	if c.route.kind == Batches {
		return failed(batchError("A batch cannot hold a batch."))
	}
	c.mu.Lock()
	throttled, err := happens(&c.faults.ThrottleParts), c.faults.throttled()
	c.mu.Unlock()
	if throttled {
		return failed(err)
	}
	return c.answer()
}

func (c *call) stepRequest(step stepRequest) (*http.Request, []string, error) {
	u, err := url.Parse("/" + strings.TrimPrefix(step.URL, "/"))
	if err != nil {
		return nil, nil, batchError("The url of a request is not valid.")
	}
	path, err := segments(u)
	if err != nil {
		return nil, nil, batchError("The url of a request is not valid.")
	}
	r, err := http.NewRequestWithContext(c.r.Context(), strings.ToUpper(step.Method), "/", io.NopCloser(bytes.NewReader(step.Body)))
	if err != nil {
		return nil, nil, batchError("The method of a request is not valid.")
	}
	r.URL, r.Host, r.TLS = u, c.r.Host, c.r.TLS
	for name, value := range step.Headers {
		r.Header.Set(name, value)
	}
	r.Header.Set("Authorization", c.r.Header.Get("Authorization"))
	return r, path, nil
}
