package httpx

import (
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-resty/resty/v2"
)

var errWaitTooLong = errors.New("the server asks for a longer wait than is allowed")

// retryAfter tells resty how long to wait; zero means its own growing delay.
func (c *Client) retryAfter(_ *resty.Client, resp *resty.Response) (time.Duration, error) {
	if resp == nil || resp.RawResponse == nil {
		return 0, nil
	}
	wait, ok := RetryAfter(resp.Header(), time.Now())
	if !ok && resp.StatusCode() == http.StatusTooManyRequests {
		wait, ok = waitInText(resp.Body())
	}
	if !ok {
		return 0, nil
	}
	if wait > c.opts.MaxWait {
		return 0, errWaitTooLong
	}
	return max(wait, time.Nanosecond), nil
}

// RetryAfter reads a Retry-After header in either form, seconds or an HTTP date
// (RFC 9110 §10.2.3). A date in the past is a wait of zero.
func RetryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0, false
	}
	if n, err := strconv.ParseUint(v, 10, 31); err == nil {
		return time.Duration(n) * time.Second, true
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(at.Sub(now), 0), true
	}
	return 0, false
}

var tryAgainIn = regexp.MustCompile(`(?i)try again in (\d{1,6}) seconds?`)

// waitInText reads the wait out of a sentence such as "Try again in 3 seconds.", the
// way the API management in front of SIMS ID says it, without a header.
func waitInText(body []byte) (time.Duration, bool) {
	var answer struct{ Message string }
	if json.Unmarshal(body, &answer) != nil {
		return 0, false
	}
	m := tryAgainIn.FindStringSubmatch(answer.Message)
	if m == nil {
		return 0, false
	}
	n, err := strconv.Atoi(m[1])
	return time.Duration(n) * time.Second, err == nil
}
