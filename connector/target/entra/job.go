package entra

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"simscim/internal/httpx"
	"simscim/scim"
)

// jobStatus is how the provisioning job is.
type jobStatus struct {
	Status struct {
		Code       string
		Quarantine *struct{ Reason string }
	}
}

// readJob asks how the provisioning job is.
func (t *Target) readJob(ctx context.Context) (s jobStatus, err error) {
	answer, err := t.graph.Do(ctx, httpx.Request{
		Method: http.MethodGet, Path: t.jobPath(), Route: "/synchronization/jobs/{id}", Accept: jsonType,
	})
	if err != nil {
		return s, err
	}
	err = decode(answer, t.now(), &s)
	return s, err
}

// trouble says why the job does not process what is uploaded, and what to do about it, or
// "".
func (s *jobStatus) trouble() string {
	switch s.Status.Code {
	case "Paused":
		return "the provisioning job is paused: what is uploaded waits there until somebody starts it, in the Entra admin centre under the provisioning app, Provisioning, Start provisioning"
	case "Quarantine":
		reason := "no reason is given"
		if q := s.Status.Quarantine; q != nil && codeLike.MatchString(q.Reason) {
			reason = q.Reason
		}
		return fmt.Sprintf("the provisioning job is in quarantine (%s): mend its cause and restart provisioning, in the Entra admin centre under the provisioning app; "+
			"a notification e-mail has to be set there as well", reason)
	case "NotRun", "NotConfigured":
		return "the provisioning job has never run: start it in the Entra admin centre under the provisioning app, Provisioning, Start provisioning"
	default:
		return ""
	}
}

// jobSchema is how the provisioning app maps attributes (synchronizationSchema of Graph).
type jobSchema struct {
	SynchronizationRules []struct {
		ObjectMappings []struct {
			AttributeMappings []struct {
				TargetAttributeName string
				Source              struct{ Expression string }
			}
		}
	}
}

func (t *Target) readSchema(ctx context.Context) (s jobSchema, err error) {
	answer, err := t.graph.Do(ctx, httpx.Request{
		Method: http.MethodGet, Path: t.jobPath() + "/schema", Route: "/synchronization/jobs/{id}/schema", Accept: jsonType,
	})
	if err != nil {
		return s, err
	}
	err = decode(answer, t.now(), &s)
	return s, err
}

// keys are the attributes of an account, folded, into which a person's key goes as it is.
// The name of the source's attribute may stand behind its schema's.
func (s *jobSchema) keys() (names []string) {
	for _, rule := range s.SynchronizationRules {
		for _, object := range rule.ObjectMappings {
			for _, m := range object.AttributeMappings {
				name := strings.Trim(m.Source.Expression, "[]")
				if scim.Fold(name[strings.LastIndex(name, ":")+1:]) == scim.Fold(string(externalID)) {
					names = append(names, scim.Fold(m.TargetAttributeName))
				}
			}
		}
	}
	return names
}
