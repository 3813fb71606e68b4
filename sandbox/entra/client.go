package entra

import (
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The permissions of applications that the look-alike knows.
const (
	RoleUpload          = "SynchronizationData-User.Upload"
	RoleUploadOwned     = "SynchronizationData-User.Upload.OwnedBy"
	RoleLog             = "ProvisioningLog.Read.All"
	RoleAuditLog        = "AuditLog.Read.All"
	RoleSync            = "Synchronization.Read.All"
	RoleSyncWrite       = "Synchronization.ReadWrite.All"
	RoleAppOwned        = "Application.ReadWrite.OwnedBy"
	RoleUserRead        = "User.Read.All"
	RoleUserWrite       = "User.ReadWrite.All"
	RoleGroupCreate     = "Group.Create"
	RoleGroupRead       = "Group.Read.All"
	RoleGroupWrite      = "Group.ReadWrite.All"
	RoleMemberRead      = "GroupMember.Read.All"
	RoleMemberWrite     = "GroupMember.ReadWrite.All"
	RoleDirectoryRead   = "Directory.Read.All"
	RoleDirectoryWrite  = "Directory.ReadWrite.All"
	RoleEducation       = "EduRoster.ReadWrite.All"
	roleEducationReader = "EduRoster.Read.All"
)

// AllRoles are permissions enough for everything that is served, the deletion of users
// by the wrong path included.
func AllRoles() []string {
	return []string{RoleUpload, RoleLog, RoleSync, RoleUserWrite, RoleGroupWrite, RoleEducation}
}

// Client is an application that signs in, or a managed identity.
type Client struct {
	ID string
	// Secret, Certificates and Federated are the ways in; a client may have several.
	Secret       string
	Certificates []*x509.Certificate
	Federated    []Federation
	// Managed identities sign in at the metadata service, and only there.
	Managed bool
	// Roles are the permissions that the tenant has consented to.
	Roles []string
}

// Federation trusts the tokens of somebody else, such as a Kubernetes cluster.
type Federation struct {
	Issuer, Subject string
	// Audience is api://AzureADTokenExchange if it is empty.
	Audience string
	Key      *rsa.PublicKey
}

// grant is what a token says.
type grant struct {
	Client     string   `json:"appid"`
	Roles      []string `json:"roles"`
	Expires    int64    `json:"exp"`
	Generation int64    `json:"gen"`
}

// seal makes a token. Its roles are those of this moment, as they are in real ones.
func (s *Service) seal(c *Client) (string, error) {
	s.mu.Lock()
	generation, roles := s.generation, c.Roles
	s.mu.Unlock()
	body, err := json.Marshal(grant{c.ID, roles, s.now().Add(s.options.TokenTTL).Unix(), generation})
	if err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString(body)
	return text + "." + base64.RawURLEncoding.EncodeToString(s.mac(text)), nil
}

func (s *Service) mac(text string) []byte {
	h := hmac.New(sha256.New, s.key[:])
	h.Write([]byte(text))
	return h.Sum(nil)
}

// admit reads who calls. The lock is held.
func (s *Service) admit(r *http.Request, now time.Time) (*grant, error) {
	refused := func(message string) error {
		return &problem{status: http.StatusUnauthorized, code: "InvalidAuthenticationToken", message: message}
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return nil, refused("Access token is empty.")
	}
	text, sum, _ := strings.Cut(token, ".")
	mac, err := base64.RawURLEncoding.Strict().DecodeString(sum)
	if err != nil || !hmac.Equal(mac, s.mac(text)) {
		return nil, refused("Access token validation failure.")
	}
	body, err := base64.RawURLEncoding.DecodeString(text)
	var g grant
	if err != nil || json.Unmarshal(body, &g) != nil {
		return nil, refused("Access token validation failure.")
	}
	if now.Unix() >= g.Expires || g.Generation != s.generation {
		return nil, refused("Access token has expired or is not yet valid.")
	}
	return &g, nil
}

// may tells whether the token holds one of the permissions.
func (g *grant) may(roles ...string) error {
	if slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(g.Roles, role) }) {
		return nil
	}
	return &problem{
		status: http.StatusForbidden, code: "Authorization_RequestDenied",
		message: "Insufficient privileges to complete the operation.",
	}
}
