package httpx

import (
	"encoding/json"
	"errors"
	"math"
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
	if !ok {
		return 0, nil
	}
	if wait > c.opts.MaxWait {
		return 0, errWaitTooLong
	}
	return max(wait, time.Nanosecond), nil
}

// RetryAfter reads a Retry-After header in either form, seconds or an HTTP date
// (RFC 9110 §10.2.3). A date counts from the server's own, for clocks differ; one in the
// past is a wait of zero.
func RetryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0, false
	}
	if n, err := strconv.ParseUint(v, 10, 31); err == nil {
		return time.Duration(n) * time.Second, true
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(at.Sub(serverTime(h, now)), 0), true
	}
	return 0, false
}

// refusal reads out of a 429 when to try again: by Retry-After, by the text, or by when
// the server counts anew.
func refusal(h http.Header, text []byte, now time.Time) (wait time.Duration, named bool) {
	if wait, ok := RetryAfter(h, now); ok {
		return wait, true
	}
	if wait, ok := waitInText(text); ok {
		return wait, true
	}
	return resetIn(h, now)
}

// spent tells whether an answer says that it was the last one for now, and how long that
// lasts.
func spent(h http.Header, now time.Time) (time.Duration, bool) {
	if left, ok := number(h, "Remaining"); !ok || left > 0 {
		return 0, false
	}
	wait, ok := resetIn(h, now)
	return wait, ok && wait > 0
}

// serverTime is what the server's clock said when it answered, or now where it does not
// say.
func serverTime(h http.Header, now time.Time) time.Time {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		return date
	}
	return now
}

// resetIn reads when a server counts anew: seconds from now, or since 1970, which is
// counted by the server's own clock.
func resetIn(h http.Header, now time.Time) (time.Duration, bool) {
	n, ok := number(h, "Reset")
	if !ok || n > math.MaxInt32*2 {
		return 0, false
	}
	const anEpoch = 500_000_000 // in 1985; no wait is that long
	if n < anEpoch {
		return time.Duration(n) * time.Second, true
	}
	return max(time.Unix(n, 0).Sub(serverTime(h, now)), 0), true
}

// number reads one of the rate limit headers, in the spellings that are in use: that of
// the IETF's drafts, that of GitHub and Slack, and that of Okta.
func number(h http.Header, what string) (int64, bool) {
	for _, prefix := range []string{"RateLimit-", "X-RateLimit-", "X-Rate-Limit-"} {
		if n, err := strconv.ParseInt(strings.TrimSpace(h.Get(prefix+what)), 10, 64); err == nil && n >= 0 {
			return n, true
		}
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
