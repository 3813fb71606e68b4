package entra

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxBody bounds what a request may hold, in bytes.
const maxBody = 4 << 20

// route is one path with one method.
type route struct {
	method, pattern string
	kind            Kind
	// roles are the permissions of which one is needed.
	roles []string
	do    func(*call) (reply, error)
}

// call is a request to Graph, or a part of a batch.
type call struct {
	*Service
	r *http.Request
	// version is v1.0 or beta; path is what follows it.
	version string
	path    []string
	query   url.Values
	body    []byte
	route   *route
	who     *grant
	at      time.Time
}

// table is all that Graph serves here. A star is a segment that names something; it
// comes after the words that stand in the same place.
func (s *Service) table() []route {
	upload := []string{RoleUpload, RoleUploadOwned}
	log := []string{RoleLog, RoleAuditLog}
	job := []string{RoleSync, RoleSyncWrite, RoleAppOwned}
	readUser := []string{RoleUserRead, RoleUserWrite, RoleDirectoryRead, RoleDirectoryWrite}
	writeUser := []string{RoleUserWrite, RoleDirectoryWrite}
	writeGroup := []string{RoleGroupWrite, RoleDirectoryWrite}
	createGroup := append([]string{RoleGroupCreate}, writeGroup...)
	writeMember := append([]string{RoleMemberWrite}, writeGroup...)
	readMember := append([]string{RoleMemberRead, RoleGroupRead, RoleDirectoryRead}, writeMember...)
	readGroup := readMember
	jobs := "servicePrincipals/*/synchronization/jobs/*"
	return []route{
		{"POST", jobs + "/bulkUpload", Uploads, upload, (*call).upload},
		{"GET", jobs, JobReads, job, (*call).readJob},
		{"GET", jobs + "/schema", JobReads, job, (*call).readSchema},
		{"GET", "auditLogs/provisioning", LogReads, log, (*call).readLog},
		{"GET", "users", UserLists, readUser, (*call).listUsers},
		{"POST", "users", UserWrites, writeUser, (*call).createUser},
		{"GET", "users/delta", Deltas, readUser, (*call).deltaUsers},
		{"GET", "users/*", UserReads, readUser, (*call).readUser},
		{"PATCH", "users/*", UserWrites, writeUser, (*call).updateUser},
		{"DELETE", "users/*", UserDeletes, writeUser, (*call).deleteUser},
		{"GET", "groups", GroupLists, readGroup, (*call).listGroups},
		{"POST", "groups", GroupWrites, createGroup, (*call).createGroup},
		{"GET", "groups/delta", Deltas, readGroup, (*call).deltaGroups},
		{"GET", "groups/*", GroupReads, readGroup, (*call).readGroup},
		{"PATCH", "groups/*", GroupWrites, append([]string{RoleGroupCreate}, writeMember...), (*call).updateGroup},
		{"DELETE", "groups/*", GroupDeletes, writeGroup, (*call).deleteGroup},
		{"GET", "groups/*/members", MemberReads, readMember, (*call).listMembers},
		{"POST", "groups/*/members/$ref", MemberAdds, writeMember, (*call).addMember},
		{"DELETE", "groups/*/members/*/$ref", MemberRemovals, writeMember, (*call).removeMember},
		{"DELETE", "groups/*/members/*", MemberDeletes, writeUser, (*call).deleteMember},
		{"POST", "education/classes", Classes, []string{RoleEducation}, (*call).createClass},
		{"GET", "education/classes/*", ClassReads, []string{RoleEducation, roleEducationReader}, (*call).readClass},
		{"POST", "$batch", Batches, nil, nil},
	}
}

// find sets the route and counts the request.
func (c *call) find() error {
	var err error = &problem{status: http.StatusNotFound, code: "ResourceNotFound", message: "Resource not found for the segment."}
	for i := range c.routes {
		rt := &c.routes[i]
		switch {
		case !matches(rt.pattern, c.path):
		case rt.method == c.r.Method:
			c.route, err = rt, nil
		default:
			err = &problem{status: http.StatusMethodNotAllowed, code: "Request_BadRequest", message: "Specified HTTP method is not allowed for the request target."}
			continue
		}
		if c.route != nil {
			break
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.counts[Other]++
		return err
	}
	c.counts[c.route.kind]++
	return nil
}

func matches(pattern string, path []string) bool {
	parts := strings.Split(pattern, "/")
	if len(parts) != len(path) {
		return false
	}
	for i, part := range parts {
		if part == "*" && path[i] != "" && path[i] != "$ref" && path[i] != "delta" || strings.EqualFold(part, path[i]) {
			continue
		}
		return false
	}
	return true
}

// serveGraph answers a request with the faults that are set.
func (s *Service) serveGraph(w http.ResponseWriter, r *http.Request, path []string) {
	c := &call{Service: s, r: r, version: path[0], path: path[1:], query: r.URL.Query()}
	if err := c.find(); err != nil {
		s.write(w, r, failed(err))
		return
	}
	v := s.judge(r)
	if v.before != nil {
		s.write(w, r, failed(v.before))
		return
	}
	a := c.answer()
	if v.drop {
		panic(http.ErrAbortHandler) // net/http cuts the connection and logs nothing
	}
	if v.after != nil {
		a = failed(v.after)
	}
	s.write(w, r, a)
}

// answer carries the request out.
func (c *call) answer() reply {
	body, err := io.ReadAll(http.MaxBytesReader(nil, c.r.Body, maxBody))
	if err != nil {
		return failed(&problem{status: http.StatusRequestEntityTooLarge, code: "RequestEntityTooLarge", message: "The body is too large."})
	}
	c.body = body
	var a reply
	if c.route.kind == Batches {
		a, err = c.batch()
	} else {
		a, err = c.perform()
	}
	if err != nil {
		return failed(err)
	}
	return a
}

// perform is one request, with what is due before it.
func (c *call) perform() (reply, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.now()
	c.advance(c.at, false)
	var err error
	if c.who, err = c.admit(c.r, c.at); err != nil {
		return reply{}, err
	}
	if err := c.who.may(c.route.roles...); err != nil {
		return reply{}, err
	}
	header, err := c.spend()
	if err != nil {
		return reply{}, err
	}
	a, err := c.route.do(c)
	if err != nil {
		a = failed(err)
	}
	if a.header == nil {
		a.header = http.Header{}
	}
	maps.Copy(a.header, header)
	return a, nil
}

func (c *call) spend() (http.Header, error) {
	switch c.route.kind {
	case Uploads:
		return nil, c.spendUpload(c.at)
	case LogReads:
		return nil, c.spendLogRead(c.who.Client, c.at)
	case JobReads:
		return nil, nil
	default:
		return c.spendUnits(c, c.at)
	}
}

// object reads the body as a JSON object.
func (c *call) object() (map[string]any, error) {
	kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return nil, badRequest("Write requests must contain the Content-Type header declaration.")
	}
	var doc map[string]any
	d := json.NewDecoder(bytes.NewReader(c.body))
	if err := d.Decode(&doc); err != nil || doc == nil {
		return nil, badRequest("Unable to read JSON request payload.")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, badRequest("Unable to read JSON request payload.")
	}
	return doc, nil
}

// base is where this version of Graph stands, as the client sees it.
func (c *call) base() string {
	scheme := "http://"
	if c.r.TLS != nil {
		scheme = "https://"
	}
	return scheme + c.r.Host + "/" + c.version
}
