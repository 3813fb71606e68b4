package entra

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"simscim/scim"
)

// maxOperations is how many a bulk request may hold.
const maxOperations = 50

// operation is one of a bulk request (RFC 7644 §3.7), which is always a POST of a user
// here. encoding/json matches names in any case, as Microsoft's own samples need it.
type operation struct {
	Method, BulkID, Path string
	Data                 map[string]any
}

// upload stages records. What becomes of them is for the log to say.
func (c *call) upload() (reply, error) {
	j, err := c.theJob()
	if err != nil {
		return reply{}, err
	}
	operations, err := c.operations()
	if err != nil {
		return reply{}, err
	}
	for _, op := range operations {
		id, _ := scim.Member(op.Data, "externalId")
		j.staged = append(j.staged, staged{at: c.at, externalID: id.(string), data: op.Data})
		c.warn(op)
	}
	// The same for each upload of the job: it does not name the request.
	filter := url.PathEscape("jobid eq '" + j.id + "'")
	return reply{status: http.StatusAccepted, header: http.Header{
		"Location": {c.base() + "/auditLogs/provisioning/?$filter=" + filter}, "Content-Length": {"0"},
	}}, nil
}

func invalidFormat(why string) error {
	return &problem{status: http.StatusBadRequest, code: "BadRequest", message: "Invalid Data Format: " + why}
}

func (c *call) operations() ([]operation, error) {
	if c.r.Header.Get("Content-Type") != scim.MediaType {
		return nil, invalidFormat("the Content-Type is to be " + scim.MediaType)
	}
	var request struct {
		Schemas    []string
		Operations []operation
	}
	switch err := json.Unmarshal(c.body, &request); {
	case err != nil:
		return nil, invalidFormat("the body is not a bulk request")
	case !slices.Contains(request.Schemas, scim.BulkRequestURN):
		return nil, invalidFormat("the schemas do not hold that of a bulk request")
	case len(request.Operations) < 1 || len(request.Operations) > maxOperations:
		return nil, invalidFormat("there are to be 1 to 50 operations")
	}
	seen := map[string]bool{}
	for _, op := range request.Operations {
		id, _ := scim.Member(op.Data, "externalId")
		text, _ := id.(string)
		switch {
		case !strings.EqualFold(op.Method, http.MethodPost):
			return nil, invalidFormat("the method of an operation is not POST")
		case !strings.EqualFold(op.Path, "/Users"):
			return nil, invalidFormat("the path of an operation is not /Users")
		case op.BulkID == "" || seen[op.BulkID]:
			return nil, invalidFormat("the bulkId of an operation is missing or not unique")
		case text == "":
			return nil, invalidFormat("the externalId of an operation is missing")
		}
		seen[op.BulkID] = true
	}
	return request.Operations, nil
}

// warn notes what the documents ask for and Microsoft's own samples leave out.
func (c *call) warn(op operation) {
	value, _ := scim.Member(op.Data, "schemas")
	list, _ := value.([]any)
	for _, urn := range []string{scim.UserURN, scim.EnterpriseURN} {
		if !slices.Contains(list, any(urn)) {
			c.warnings = append(c.warnings, "operation "+op.BulkID+": the schemas lack "+urn)
		}
	}
}
