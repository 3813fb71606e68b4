package httpx

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/go-resty/resty/v2"
)

// Failure is a call that got no usable answer.
type Failure struct {
	// Ambiguous says that the request may have reached the server all the same, and
	// may have been carried out.
	Ambiguous bool
	// What is the kind of failure in a few plain words.
	What string

	method, route string
	// cause is kept for errors.Is on the context's errors only: texts of the HTTP
	// library hold URLs, and now and then bytes of the answer.
	cause error
}

// Error tells what was called and what went wrong, without URL, query or content.
func (f *Failure) Error() string { return f.method + " " + f.route + ": " + f.What }

// Unwrap gives the context's error, where that is what ended the call.
func (f *Failure) Unwrap() error { return f.cause }

// IsAmbiguous tells whether err leaves open that the request was carried out.
func IsAmbiguous(err error) bool {
	f, ok := errors.AsType[*Failure](err)
	return ok && f.Ambiguous
}

func newFailure(r Request, err error, reached bool, ctxErr error) *Failure {
	return &Failure{Ambiguous: reached, What: describe(err), method: r.Method, route: r.Route, cause: ctxErr}
}

// describe names the kind of failure. It never repeats the library's text.
func describe(err error) string {
	_, isDNS := errors.AsType[*net.DNSError](err)
	_, isCert := errors.AsType[*tls.CertificateVerificationError](err)
	_, isTLS := errors.AsType[tls.RecordHeaderError](err)
	netErr, isNet := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, resty.ErrResponseBodyTooLarge):
		return "the answer is larger than is allowed"
	case errors.Is(err, errSpent):
		return "the budget of requests for the hour or the day is spent"
	case errors.Is(err, context.Canceled):
		return "the call was cancelled"
	case isDNS:
		return "the host name does not resolve"
	case isCert:
		return "the server's certificate is not trusted"
	case isTLS:
		return "the server does not speak TLS"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	case errors.Is(err, context.DeadlineExceeded) || isNet && netErr.Timeout():
		return "no answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the connection was cut"
	default:
		return "the connection failed"
	}
}
