package entra_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"simscim/config"
	"simscim/connector/target"
	"simscim/connector/target/entra"
	"simscim/internal/auth/keytest"
	"simscim/internal/secret"
	"simscim/internal/secret/secrettest"
	sandbox "simscim/sandbox/entra"
	"simscim/scim"
)

const clientID = "5f0b3b1e-0000-4000-8000-000000000001"

// certificate is one that is good now, as the sign-in library sees it.
func certificate(t *testing.T) (*rsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	now := time.Now()
	return keytest.Certificate(t, now.AddDate(-5, 0, 0), now.AddDate(5, 0, 0))
}

// realTime has the look-alike live in the present, as the sign-in library does.
func (w *world) realTime() {
	w.clock.Set(time.Now())
}

// works tells whether the target is signed in.
func (w *world) works() error {
	_, err := w.target.Capabilities(w.Context())
	return err
}

func TestCertificate(t *testing.T) {
	t.Parallel()
	key, cert := certificate(t)
	otherKey, other := certificate(t)
	client := sandbox.Client{ID: clientID, Certificates: []*x509.Certificate{cert}, Roles: sandbox.AllRoles()}
	for name, tt := range map[string]struct{ pem, says string }{
		"right":         {keytest.PEM(t, key, cert), ""},
		"not the one":   {keytest.PEM(t, otherKey, other), "AADSTS700027"},
		"not its key":   {keytest.PEM(t, key, other), "do not belong together"},
		"nothing there": {"-----BEGIN CERTIFICATE-----\nU2Vjcmv0\n-----END CERTIFICATE-----", "it is not a PEM file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setting{sandbox: sandbox.Options{Clients: []sandbox.Client{client}}, change: func(c *config.Target) {
				c.Auth = config.TargetAuth{Type: "certificate", ClientID: secrettest.File(t, clientID), PrivateKey: secrettest.File(t, tt.pem)}
			}})
			w.realTime()
			err := w.works()
			if tt.says == "" && err != nil || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says) || !target.CredentialsRefused(err)) {
				t.Errorf("signing in gives %v, want %q", err, tt.says)
			}
			if err != nil && strings.Contains(err.Error(), "U2Vjcmv0") {
				t.Error("the error repeats the file")
			}
		})
	}
}

func TestManagedIdentity(t *testing.T) {
	t.Parallel()
	for name, ref := range map[string]secret.Ref{"by its id": secrettest.File(t, clientID), "the machine's own": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setting{
				sandbox: sandbox.Options{Clients: []sandbox.Client{{ID: clientID, Managed: true, Roles: sandbox.AllRoles()}}},
				change: func(c *config.Target) {
					c.Auth, c.Tenant = config.TargetAuth{Type: "managed-identity", ClientID: ref}, ""
				},
			})
			w.realTime()
			if err := w.works(); err != nil {
				t.Error(err)
			}
			if w.Requests()[sandbox.Identities] == 0 {
				t.Error("the metadata service was not asked")
			}
		})
	}
}

// The token of the cluster stands in a file that the environment names.
func TestWorkloadIdentity(t *testing.T) {
	key, _ := certificate(t)
	now := time.Now()
	claims := fmt.Sprintf(`{"iss":"https://cluster.example","sub":"system:serviceaccount:schools:simscim","aud":"api://AzureADTokenExchange","exp":%d,"nbf":%d}`,
		now.Add(time.Hour).Unix(), now.Add(-time.Hour).Unix())
	signed := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(signed+"."+base64.RawURLEncoding.EncodeToString(signature)), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AZURE_FEDERATED_TOKEN_FILE", path)
	for subject, says := range map[string]string{"system:serviceaccount:schools:simscim": "", "system:serviceaccount:other:simscim": "AADSTS70021"} {
		w := newWorld(t, setting{
			sandbox: sandbox.Options{Clients: []sandbox.Client{{ID: clientID, Roles: sandbox.AllRoles(), Federated: []sandbox.Federation{
				{Issuer: "https://cluster.example", Subject: subject, Key: &key.PublicKey},
			}}}},
			change: func(c *config.Target) {
				c.Auth = config.TargetAuth{Type: "workload-identity", ClientID: secrettest.File(t, clientID)}
			},
		})
		w.realTime()
		if err := w.works(); says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("signing in gives %v, want %q", err, says)
		}
	}
}

// Refused credentials end Apply; a secret that is renewed is read without a restart.
func TestSecretIsRenewed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{})
	right := w.cfg.Auth.ClientSecret
	path := filepath.Join(t.TempDir(), "secret")
	write := func(s string) {
		if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("wrong-canary")
	w.cfg.Auth.ClientSecret, _ = secret.ParseRef("file:" + path)
	w.target = w.newTarget()
	got, err := w.try(t.Context(), append(pupils(60), group("g", "Choir"))...)
	if !target.CredentialsRefused(err) || !strings.Contains(err.Error(), "AADSTS7000215") || len(got) != 0 {
		t.Fatalf("a wrong secret gives %v, and %d outcomes", err, len(got))
	}
	if strings.Contains(err.Error(), "canary") || strings.Contains(w.log.String(), "canary") {
		t.Error("the secret is repeated")
	}
	v, err := right.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	write(v.Reveal())
	w.accepted(pupils(60)...)
	w.ExpireTokens()
	w.accepted(pupil(77))
	w.done(group("g", "Choir"))
}

func TestMissingRights(t *testing.T) {
	t.Parallel()
	all := sandbox.AllRoles()
	for name, tt := range map[string]struct {
		missing, kind, says string
		users, groups, find bool
	}{
		"all there": {"", "security", "", true, true, true},
		"upload":    {sandbox.RoleUpload, "security", "SynchronizationData-User.Upload", false, true, true},
		"log":       {sandbox.RoleLog, "security", "ProvisioningLog.Read.All", false, true, true},
		"job":       {sandbox.RoleSync, "security", "Synchronization.Read.All", true, true, true},
		"users":     {sandbox.RoleUserWrite, "security", "User.Read.All", true, true, false},
		"groups":    {sandbox.RoleGroupWrite, "security", "Group.ReadWrite.All", true, false, true},
		"classes":   {sandbox.RoleEducation, "class", "EduRoster.ReadWrite.All", true, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var roles []string
			for _, role := range all {
				if role != tt.missing {
					roles = append(roles, role)
				}
			}
			w := newWorld(t, setting{
				sandbox: sandbox.Options{Clients: []sandbox.Client{{ID: clientID, Secret: "right", Roles: roles}}},
				change:  func(c *config.Target) { c.GroupKind = tt.kind },
			})
			caps, err := w.target.Capabilities(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if caps.Users != tt.users || caps.Groups != tt.groups || (len(caps.FilterUsers) > 0) != tt.find || caps.FilterNeeded == tt.find {
				t.Errorf("the capabilities are %+v", caps)
			}
			told := 0
			for _, n := range caps.Notes {
				if strings.Contains(n, "is missing") {
					told++
					if tt.says == "" || !strings.Contains(n, tt.says) {
						t.Errorf("a note says %q", n)
					}
				}
			}
			if told != min(1, len(tt.says)) {
				t.Errorf("%d notes tell what is missing: %q", told, caps.Notes)
			}
			before := w.target.Requests()
			if again, err := w.target.Capabilities(t.Context()); err != nil || again.Summary != caps.Summary || w.target.Requests() != before {
				t.Errorf("asked again, it costs %d requests (%v)", w.target.Requests()-before, err)
			}
			if !tt.find {
				w.listsNobody()
			}
			if len(w.Snapshot().Groups)+len(w.Snapshot().Users) > 0 || w.Requests()[sandbox.Uploads] > 0 {
				t.Error("asking what is allowed has left something behind")
			}
		})
	}
}

// listsNobody checks what there is to see without the right to see it.
func (w *world) listsNobody() {
	w.Helper()
	if n, ok, err := w.target.Count(w.Context(), scim.User); n != 0 || ok || err != nil {
		w.Errorf("the count is %d, %t (%v)", n, ok, err)
	}
	for _, err := range w.target.List(w.Context(), scim.User, nil) {
		if err == nil || !strings.Contains(err.Error(), "User.Read.All") {
			w.Errorf("a list gives %v", err)
		}
	}
	if _, err := w.target.Find(w.Context(), scim.User, "externalId", "k", nil); err == nil || !strings.Contains(err.Error(), "User.Read.All") {
		w.Errorf("a search gives %v", err)
	}
}

// What the token does not tell is told by the first upload, and by that alone.
func TestUploadIsForbidden(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{sandbox: sandbox.Options{Clients: []sandbox.Client{{ID: clientID, Secret: "right", Roles: []string{sandbox.RoleLog}}}}})
	got := w.apply(pupils(120)...)
	for key, list := range got {
		if o := list[0]; o.Err == nil || !strings.Contains(o.Advice, "SynchronizationData-User.Upload") {
			t.Fatalf("%s: %+v", key, o)
		}
	}
	if n := w.Requests()[sandbox.Uploads]; len(got) != 120 || n != 1 {
		t.Errorf("%d outcomes after %d uploads, want 120 after 1", len(got), n)
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	ref := secrettest.File(t, "x")
	good := config.Target{
		Name: "entra", Tenant: "oakfield.example", ServicePrincipal: clientID, Job: "API2AAD.1",
		Auth: config.TargetAuth{Type: "secret", ClientID: ref, ClientSecret: ref},
	}
	for name, tt := range map[string]struct {
		change func(*config.Target, *entra.Options)
		says   string
	}{
		"good":       {func(*config.Target, *entra.Options) {}, ""},
		"dod":        {func(c *config.Target, _ *entra.Options) { c.Cloud = "usgov-dod" }, ""},
		"no tenant":  {func(c *config.Target, _ *entra.Options) { c.Tenant = "" }, "tenant"},
		"no job":     {func(c *config.Target, _ *entra.Options) { c.Job = "" }, "Provisioning API Endpoint"},
		"cloud":      {func(c *config.Target, _ *entra.Options) { c.Cloud = "moon" }, `none named "moon"`},
		"auth":       {func(c *config.Target, _ *entra.Options) { c.Auth.Type = "basic" }, `no sign-in of type "basic"`},
		"no counter": {func(_ *config.Target, o *entra.Options) { o.Counter = nil }, "count"},
		"private": {func(c *config.Target, _ *entra.Options) {
			c.Cloud, c.Login, c.Graph = "custom", "https://login.example/", "https://graph.example/"
		}, ""},
	} {
		c, o := good, entra.Options{Counter: &counter{clock: newClock()}}
		tt.change(&c, &o)
		_, err := entra.New(&c, o)
		if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q", name, err, tt.says)
		}
	}
}

func TestNoSuchJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{change: func(c *config.Target) { c.Job = "API2AAD.none" }})
	if _, err := w.target.Capabilities(t.Context()); err == nil || !strings.Contains(err.Error(), "Provisioning API Endpoint") {
		t.Errorf("a job that is not there gives %v", err)
	}
}

// Entra ID's own SCIM API takes the same tokens, with the tenant beside the sign-in.
func TestSignInOfAScimTarget(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{})
	w.realTime()
	cfg := &config.Target{Name: "scim", Type: "scim", Auth: w.cfg.Auth, Cloud: "custom", Login: w.server.URL, Graph: w.server.URL}
	cfg.Auth.Tenant = w.Tenant()
	authorize, err := entra.SignIn(cfg, entra.Options{})
	if err != nil {
		t.Fatal(err)
	}
	first, err := authorize(t.Context(), "")
	if err != nil || !strings.HasPrefix(first, "Bearer ") {
		t.Fatalf("%q, %v", first, err)
	}
	cfg.Auth.ClientSecret = secrettest.File(t, "another")
	if authorize, err = entra.SignIn(cfg, entra.Options{}); err != nil {
		t.Fatal(err)
	}
	if _, err := authorize(t.Context(), ""); !target.CredentialsRefused(err) {
		t.Errorf("a wrong secret: %v", err)
	}
	if _, err := entra.SignIn(&config.Target{Cloud: "mars"}, entra.Options{}); err == nil {
		t.Error("any cloud will do")
	}
}
