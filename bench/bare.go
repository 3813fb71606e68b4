package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"simscim/bench/stub"
	"simscim/scim"
)

// sent is one request as it was sent.
type sent struct {
	Path string          `json:"path"`
	Body json.RawMessage `json:"body"`
}

// tape records requests.
type tape struct {
	mu   sync.Mutex
	list []sent
}

func (t *tape) record(path string, body []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.list = append(t.list, sent{path, bytes.Clone(body)})
}

// save writes the tape, one request a line.
func (t *tape) save(path string) (err error) {
	if path == "" {
		return nil
	}
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("save the bodies: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, s := range t.list {
		if err := enc.Encode(s); err != nil {
			return fmt.Errorf("save the bodies: %w", err)
		}
	}
	return w.Flush()
}

func load(path string) ([]sent, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("load the bodies: %w", err)
	}
	defer f.Close()
	var list []sent
	for dec := json.NewDecoder(bufio.NewReader(f)); ; {
		var s sent
		switch err := dec.Decode(&s); {
		case errors.Is(err, io.EOF):
			return list, nil
		case err != nil:
			return nil, fmt.Errorf("load the bodies: %w", err)
		}
		list = append(list, s)
	}
}

// bareTask is the yardstick: it sends the recorded bodies to a stub in the same process,
// with net/http and nothing else, by as many workers as the product has requests in
// flight, and looks at nothing but the status.
func bareTask(ctx context.Context, t *task) (*result, error) {
	list, err := load(t.Bodies)
	if err != nil {
		return nil, err
	}
	server, err := stub.Start(ctx, stub.Options{Token: token, Delay: t.Delay, Now: time.Now})
	if err != nil {
		return nil, err
	}
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConns: t.InFlight, MaxIdleConnsPerHost: t.InFlight}}
	url := server.URL()
	r, stop := &result{}, watch()
	var next atomic.Int64
	var group errgroup.Group
	for range t.InFlight {
		group.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(list) {
					return nil
				}
				if err := post(ctx, client, url, &list[i]); err != nil {
					return err
				}
			}
		})
	}
	if err := cmp.Or(group.Wait(), stop(r)); err != nil {
		return nil, err
	}
	r.Requests = server.Requests()
	return r, nil
}

func post(ctx context.Context, client *http.Client, url string, s *sent) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+s.Path, bytes.NewReader(s.Body))
	if err != nil {
		return fmt.Errorf("make a request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", scim.MediaType)
	req.Header.Set("Accept", scim.MediaType)
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("post: %w", err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return fmt.Errorf("read an answer: %w", err)
	}
	if resp.StatusCode != http.StatusCreated {
		return fmt.Errorf("post: the answer is %d", resp.StatusCode)
	}
	return nil
}
