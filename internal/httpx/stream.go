package httpx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/go-resty/resty/v2"
)

// mostOfAFailure is how much of an answer that is no success is kept.
const mostOfAFailure = 64 << 10

// Stream carries out one call like Do, but hands the body of a 2xx answer to read while
// it comes in, so that it need not be held in memory. The Response then has no Body; any
// other status is returned as Do would, with the first 64 KiB of its body.
//
// The time and size limits of one attempt hold for the reading too. A body that is cut
// off is asked for again as far as the call may be repeated, so read may be called
// several times and has to begin anew each time. An error of read's own ends the call
// and is returned as it is.
func (c *Client) Stream(ctx context.Context, r Request, read func(h http.Header, body io.Reader) error) (*Response, error) {
	return c.do(ctx, r, &stream{read: read, limit: c.opts.MaxBody})
}

// stream is the reading of one call's body, attempt after attempt.
type stream struct {
	read  func(h http.Header, body io.Reader) error
	limit int64

	// err is what came of the last attempt: the error of its body, or of read.
	err error
	// own says that err is read's.
	own bool
	// seen is the answer that was read last: without retries resty asks for no condition.
	seen *resty.Response
}

// consume reads one attempt's answer, once.
func (s *stream) consume(resp *resty.Response) error {
	if s.seen == resp {
		return s.err
	}
	s.seen, s.err, s.own = resp, nil, false
	body := &limitedBody{r: resp.RawBody(), left: s.limit}
	defer resp.RawBody().Close()
	if !resp.IsSuccess() {
		text, err := io.ReadAll(io.LimitReader(body, mostOfAFailure))
		resp.SetBody(text)
		s.err = err
		return err
	}
	err := s.read(resp.Header(), body)
	switch {
	case body.err != nil:
		// The cause, whatever read made of it.
		s.err = body.err
	case err != nil:
		s.err, s.own = err, true
	}
	return s.err
}

// limitedBody ends with an error where the answer is larger than is allowed, and keeps
// the error that ended it.
type limitedBody struct {
	r    io.Reader
	left int64
	err  error
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	// One byte more than is left, to tell the end from too much.
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	if int64(n) > b.left {
		b.err = resty.ErrResponseBodyTooLarge
		return int(b.left), b.err
	}
	b.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}

// signError is the error of Options.Sign on its way through the HTTP library.
type signError struct{ err error }

func (e *signError) Error() string { return e.err.Error() }
func (e *signError) Unwrap() error { return e.err }

// sign gives an attempt the signature that goes with it.
func sign(call *call, req *http.Request) (*http.Request, error) {
	if call == nil || call.sign == nil {
		return req, nil
	}
	signed := req.Clone(req.Context())
	if err := call.sign(signed); err != nil {
		return nil, &signError{fmt.Errorf("sign in: %w", err)}
	}
	return signed, nil
}
