package entra

import (
	"net/http"
	"strings"
	"time"
)

// State is what a provisioning job does.
type State string

// The states of a job.
const (
	// Active is the listening mode: what is uploaded is processed in time.
	Active State = "Active"
	// Paused takes uploads with the same 202 and leaves them where they are.
	Paused State = "Paused"
	// Quarantine likewise; it ends with a restart.
	Quarantine State = "Quarantine"
)

// Job names a provisioning job as its upload URL does.
type Job struct {
	ServicePrincipal, ID string
	State                State
	// Staged is how many records wait for being processed.
	Staged int
}

type job struct {
	principal, id string
	state         State
	reason        string
	since         time.Time // of the state
	staged        []staged
	last          time.Time
	cycle         string
	// lastGood is the last cycle in which a record succeeded; failures are those since.
	lastGood time.Time
	failures int
}

// staged is a record that was uploaded.
type staged struct {
	at         time.Time
	externalID string
	data       map[string]any
}

func (s *Service) newJob() *job {
	tenant := strings.ReplaceAll(s.options.Tenant, "-", "")
	return &job{principal: s.newID(), id: "API2AAD." + tenant + "." + s.newID(), state: Active}
}

// Jobs are the provisioning jobs as they are.
func (s *Service) Jobs() []Job {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Job
	for _, j := range s.jobs {
		out = append(out, Job{j.principal, j.id, j.state, len(j.staged)})
	}
	return out
}

// Pause stops a job. What is staged stays.
func (s *Service) Pause(id string) { s.set(id, Paused, "", false) }

// Start lets a paused job go on with what is staged.
func (s *Service) Start(id string) { s.set(id, Active, "", false) }

// Quarantined puts a job aside for a reason, such as EncounteredQuarantineException.
func (s *Service) Quarantined(id, reason string) { s.set(id, Quarantine, reason, false) }

// Restart lets a job go on from the beginning: what is staged is thrown away. It is the
// way out of quarantine.
func (s *Service) Restart(id string) { s.set(id, Active, "", true) }

func (s *Service) set(id string, state State, reason string, discard bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.advance(now, false) // by the old state until now
	for _, j := range s.jobs {
		if j.id != id {
			continue
		}
		j.state, j.reason, j.since = state, reason, now
		if discard {
			j.staged = nil
		}
	}
}

// theJob is the one in the path. Its service principal goes with it: an app's id in its
// place finds nothing.
func (c *call) theJob() (*job, error) {
	for _, j := range c.jobs {
		if strings.EqualFold(j.principal, c.path[1]) && j.id == c.path[4] {
			return j, nil
		}
	}
	return nil, missing(c.path[4])
}

func (c *call) readJob() (reply, error) {
	j, err := c.theJob()
	if err != nil {
		return reply{}, err
	}
	execution := func(at time.Time) any {
		if at.IsZero() {
			return nil
		}
		return map[string]any{"activityIdentifier": j.cycle, "timeBegan": stampOf(at), "timeEnded": stampOf(at), "state": "Succeeded"}
	}
	status := map[string]any{
		"code": j.state, "countSuccessiveCompleteFailures": j.failures, "escrowsPruned": false, "lastExecution": execution(j.last),
		"lastSuccessfulExecution": execution(j.lastGood), "quarantine": nil, "progress": []any{}, "synchronizedEntryCountByType": []any{}, "troubleshootingUrl": nil,
	}
	if j.state == Quarantine {
		status["quarantine"] = map[string]any{
			"reason": j.reason, "currentBegan": stampOf(j.since), "seriesBegan": stampOf(j.since), "seriesCount": 1,
			"nextAttempt": stampOf(j.since.AddDate(0, 0, 1)), "error": nil,
		}
	}
	schedule := "Active"
	if j.state == Paused {
		schedule = "Disabled"
	}
	return reply{status: http.StatusOK, body: map[string]any{
		"id": j.id, "templateId": "API2AAD", "schedule": map[string]any{"expiration": nil, "interval": "PT40M", "state": schedule}, "status": status,
	}}, nil
}

// readSchema is the app's attribute mapping, as far as it is of any use here. Where
// employeeId holds more than it does at Microsoft, it stands for another attribute.
func (c *call) readSchema() (reply, error) {
	if _, err := c.theJob(); err != nil {
		return reply{}, err
	}
	matching := "employeeId"
	if c.options.EmployeeIDMax > longestEmployeeID {
		matching = "extensionAttribute1"
	}
	mapping := func(source, target string, priority int) any {
		return map[string]any{
			"defaultValue": nil, "exportMissingReferences": false, "flowBehavior": "FlowWhenChanged", "flowType": "Always", "matchingPriority": priority,
			"source":              map[string]any{"expression": "[" + source + "]", "name": source, "type": "Attribute", "parameters": []any{}},
			"targetAttributeName": target,
		}
	}
	return reply{status: http.StatusOK, body: map[string]any{
		"id": c.path[4], "version": "1.0", "directories": []any{},
		"synchronizationRules": []any{map[string]any{
			"name": "API2AAD", "sourceDirectoryName": "API", "targetDirectoryName": "Microsoft Entra ID",
			"objectMappings": []any{map[string]any{
				"enabled": true, "sourceObjectName": "User", "targetObjectName": "User",
				"attributeMappings": []any{
					mapping("externalId", matching, 1), mapping("userName", "userPrincipalName", 0), mapping("displayName", "displayName", 0),
				},
			}},
		}},
	}}, nil
}

func stampOf(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// Settle processes what is staged in active jobs, and shows all of the log, as if the
// delays were over.
func (s *Service) Settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.advance(now, true)
	for _, e := range s.log {
		if e.seen.After(now) {
			e.seen = now
		}
	}
}

// advance does what is due by now, or all there is. The lock is held.
func (s *Service) advance(now time.Time, all bool) {
	for _, j := range s.jobs {
		if j.state != Active {
			continue
		}
		n := 0
		for n < len(j.staged) && (all || !j.staged[n].at.Add(s.options.ProcessAfter).After(now)) {
			n++
		}
		if n > 0 {
			s.runCycle(j, j.staged[:n], now)
			j.staged = j.staged[n:]
		}
	}
}

// runCycle processes records, and then the managers who may have come with them.
func (s *Service) runCycle(j *job, records []staged, now time.Time) {
	j.cycle = s.newID()
	good := false
	for _, record := range records {
		at := record.at.Add(s.options.ProcessAfter)
		if at.Before(j.since) { // it waited until the job was started again
			at = j.since
		}
		if at.After(now) {
			at = now
		}
		good = s.process(j, record, at) || good
		j.last = at
	}
	s.resolveManagers(j, j.last)
	if good {
		j.lastGood, j.failures = j.last, 0
		return
	}
	j.failures++
}
