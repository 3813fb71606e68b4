package okta

import (
	"fmt"
	"net/http"
	"strings"
)

// refusal is an error as Okta answers it.
type refusal struct {
	status  int
	code    string
	summary string
	causes  []string
}

func (r *refusal) Error() string { return fmt.Sprintf("%d %s: %s", r.status, r.code, r.summary) }

// invalid is a request that breaks a rule; object is what is wrong in it.
func invalid(object string, causes ...string) error {
	return &refusal{http.StatusBadRequest, "E0000001", "Api validation failed: " + object, causes}
}

func malformed() error {
	return &refusal{status: http.StatusBadRequest, code: "E0000003", summary: "The request body was not well-formed."}
}

func notFound(what string) error {
	return &refusal{status: http.StatusNotFound, code: "E0000007", summary: "Not found: Resource not found (" + what + ")"}
}

func badToken() error {
	return &refusal{status: http.StatusUnauthorized, code: "E0000011", summary: "Invalid token provided"}
}

func denied() error {
	return &refusal{status: http.StatusForbidden, code: "E0000006", summary: "You do not have permission to perform the requested action"}
}

func throttled() error {
	return &refusal{status: http.StatusTooManyRequests, code: "E0000047", summary: "API call exceeded rate limit due to too many requests."}
}

func broken(status int) error {
	return &refusal{status: status, code: "E0000009", summary: "Internal Server Error"}
}

func wrongMethod() error {
	return &refusal{status: http.StatusMethodNotAllowed, code: "E0000022", summary: "The endpoint does not support the provided HTTP method"}
}

func wrongMedia() error {
	return &refusal{status: http.StatusUnsupportedMediaType, code: "E0000021", summary: "Bad request. Accept and/or Content-Type headers likely do not match supported values."}
}

// document is the body of the error.
func (r *refusal) document(id string) map[string]any {
	causes := []any{}
	for _, c := range r.causes {
		causes = append(causes, map[string]any{"errorSummary": c})
	}
	return map[string]any{"errorCode": r.code, "errorSummary": r.summary, "errorLink": r.code, "errorId": id, "errorCauses": causes}
}

// findings collects what is wrong with a body, each with its place in it.
type findings []string

func (f *findings) add(place, format string, args ...any) {
	*f = append(*f, place+": "+fmt.Sprintf(format, args...))
}

// err is nil if nothing was found. Of a body with very many faults some are told.
func (f findings) err() error {
	if len(f) == 0 {
		return nil
	}
	object, _, _ := strings.Cut(f[0], ":")
	return invalid(object, f[:min(len(f), 20)]...)
}
