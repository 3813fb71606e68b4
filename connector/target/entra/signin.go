package entra

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"simscim/config"
	"simscim/connector/target"
	"simscim/internal/auth"
	"simscim/internal/secret"
)

// session keeps one credential of azidentity, which keeps its tokens. It is built anew,
// from secrets read anew, once what it gives is refused.
type session struct {
	make  func() (azcore.TokenCredential, error)
	scope string

	mu   sync.Mutex
	cred azcore.TokenCredential
}

// SignIn makes the sign-in of a SCIM target that is Entra ID's own SCIM API: that takes
// the tokens of Graph. The tenant stands with the sign-in there.
func SignIn(cfg *config.Target, o Options) (auth.Authorize, error) {
	where, err := cloudOf(cfg)
	if err != nil {
		return nil, err
	}
	tenanted := *cfg
	tenanted.Tenant = cmp.Or(cfg.Auth.Tenant, cfg.Tenant)
	return signIn(&tenanted, o, where)
}

// signIn makes the values of Authorization headers.
func signIn(cfg *config.Target, o Options, where hosts) (auth.Authorize, error) {
	timeout := cmp.Or(cfg.Timeout.Duration, 30*time.Second)
	client, err := auth.NewHTTP(cfg.CAFile, timeout)
	if err != nil {
		return nil, err
	}
	options := policy.ClientOptions{
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: where.login},
		Transport: client,
		Retry:     policy.RetryOptions{MaxRetries: 3, RetryDelay: cmp.Or(o.MinWait, 800*time.Millisecond), TryTimeout: timeout},
	}
	if host, ok := strings.CutPrefix(where.login, "http://"); ok {
		options.Cloud.ActiveDirectoryAuthorityHost = "https://" + host // the library takes nothing else
		options.Transport = diverted{client, host}
	}
	build, err := builder(cfg, options, cfg.Cloud == "custom")
	if err != nil {
		return nil, err
	}
	s := &session{make: build, scope: where.graph + "/.default"}
	return s.header, nil
}

// diverted sends what is meant for Microsoft to a look-alike on this machine, which has no
// certificate.
type diverted struct {
	client *http.Client
	host   string
}

func (d diverted) Do(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host, r.Host = "http", d.host, ""
	return d.client.Do(r) //nolint:gosec // the address is the operator's, not a visitor's
}

// builder tells how the configured way of signing in is made. private says that the
// authority is not one of Microsoft's, which need not be asked about it.
func builder(cfg *config.Target, options policy.ClientOptions, private bool) (func() (azcore.TokenCredential, error), error) {
	a := cfg.Auth
	switch a.Type {
	case "secret":
		return func() (azcore.TokenCredential, error) {
			id, key, err := both(a.ClientID, a.ClientSecret, "clientSecret")
			if err != nil {
				return nil, err
			}
			return azidentity.NewClientSecretCredential(cfg.Tenant, id, key, &azidentity.ClientSecretCredentialOptions{
				ClientOptions: options, DisableInstanceDiscovery: private,
			})
		}, nil
	case "certificate":
		return func() (azcore.TokenCredential, error) {
			id, pem, err := both(a.ClientID, a.PrivateKey, "privateKey")
			if err != nil {
				return nil, err
			}
			certs, key, err := azidentity.ParseCertificates([]byte(pem), nil)
			if err != nil {
				// Its own words may quote the file.
				return nil, errors.New("privateKey: it is not a PEM file with a certificate and its private key, unencrypted")
			}
			cred, err := azidentity.NewClientCertificateCredential(cfg.Tenant, id, certs, key, &azidentity.ClientCertificateCredentialOptions{
				ClientOptions: options, DisableInstanceDiscovery: private,
			})
			if err != nil {
				return nil, errors.New("privateKey: the certificate and the private key do not belong together")
			}
			return cred, nil
		}, nil
	case "managed-identity":
		return func() (azcore.TokenCredential, error) {
			mi := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: options}
			if !a.ClientID.IsZero() { // without one it is the machine's own
				id, err := reveal(a.ClientID, "clientID")
				if err != nil {
					return nil, err
				}
				mi.ID = azidentity.ClientID(id)
			}
			return azidentity.NewManagedIdentityCredential(mi)
		}, nil
	case "workload-identity":
		return func() (azcore.TokenCredential, error) {
			wi := &azidentity.WorkloadIdentityCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: private, TenantID: cfg.Tenant}
			if !a.ClientID.IsZero() { // without one it is in the pod's environment
				var err error
				if wi.ClientID, err = reveal(a.ClientID, "clientID"); err != nil {
					return nil, err
				}
			}
			return azidentity.NewWorkloadIdentityCredential(wi)
		}, nil
	default:
		return nil, fmt.Errorf("there is no sign-in of type %q for Entra ID", a.Type)
	}
}

func both(id, other secret.Ref, name string) (clientID, value string, err error) {
	if clientID, err = reveal(id, "clientID"); err != nil {
		return "", "", err
	}
	value, err = reveal(other, name)
	return clientID, value, err
}

func reveal(ref secret.Ref, name string) (string, error) {
	if ref.IsZero() {
		return "", fmt.Errorf("%s: no secret is configured", name)
	}
	v, err := ref.Resolve()
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return v.Reveal(), nil
}

// header is the auth.Authorize of the session.
func (s *session) header(ctx context.Context, stale string) (string, error) {
	cred, err := s.credential(nil)
	if err != nil {
		return "", fmt.Errorf("%w: %w", target.ErrCredentials, err)
	}
	value, err := s.token(ctx, cred)
	if err != nil || stale == "" || value != stale {
		return value, err
	}
	// What the library keeps is refused: only another credential gets another token.
	if cred, err = s.credential(cred); err != nil {
		return "", fmt.Errorf("%w: %w", target.ErrCredentials, err)
	}
	return s.token(ctx, cred)
}

// credential returns the one in use, or another one if that is the refused one.
func (s *session) credential(refused azcore.TokenCredential) (azcore.TokenCredential, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cred != nil && s.cred != refused {
		return s.cred, nil
	}
	var err error
	s.cred, err = s.make()
	if err != nil {
		s.cred = nil
	}
	return s.cred, err
}

func (s *session) token(ctx context.Context, cred azcore.TokenCredential) (string, error) {
	t, err := cred.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{s.scope}})
	if err == nil {
		return "Bearer " + t.Token, nil
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	s.drop(cred) // a secret that was changed is read anew
	return "", tokenError(err)
}

func (s *session) drop(cred azcore.TokenCredential) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cred == cred {
		s.cred = nil
	}
}

// errNoToken says that nobody refused us, and that there is no token all the same.
var errNoToken = errors.New("the token service did not give a usable answer")

var aadsts = regexp.MustCompile(`AADSTS(\d{4,8})`)

// tokenError says in our own words why there is no token. The library's text holds the
// whole answer.
func tokenError(err error) error {
	refused, ok := errors.AsType[*azidentity.AuthenticationFailedError](err)
	status := 0
	if ok && refused.RawResponse != nil {
		status = refused.RawResponse.StatusCode
	}
	code := ""
	if m := aadsts.FindStringSubmatch(err.Error()); m != nil {
		code = m[1]
	}
	switch {
	case code != "":
		return fmt.Errorf("%w: Entra ID answered AADSTS%s, %s", target.ErrCredentials, code, meaning(code))
	case status >= 400 && status < 500:
		return fmt.Errorf("%w: the token service answered %d", target.ErrCredentials, status)
	case status > 0:
		return fmt.Errorf("%w: it answered %d", errNoToken, status)
	default:
		return errNoToken
	}
}

// meaning puts the commonest refusals into plain words.
func meaning(code string) string {
	switch code {
	case "7000215":
		return "the client secret is wrong: take its value, not its id"
	case "7000222":
		return "the client secret or certificate has expired: make a new one"
	case "700016":
		return "there is no application with this clientID in the tenant"
	case "90002", "900023":
		return "there is no such tenant"
	case "700027":
		return "the certificate is not the one that is registered with the application"
	case "70021", "700211", "700212", "700213":
		return "no federated credential of the application fits the workload's token: compare issuer, subject and audience"
	case "700024":
		return "the clock of this machine is wrong, or the workload's token has expired"
	default:
		return "see the list of its sign-in errors"
	}
}
