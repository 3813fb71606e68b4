package notice

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/netip"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/wneessen/go-mail"
	"go.uber.org/zap"

	"simscim/config"
)

// email sends notices as plain text by SMTP.
type email struct {
	host    string
	options []mail.Option
	from    *netmail.Address
	to      []*netmail.Address
	log     *zap.Logger
}

// newEmail reads the secrets and checks the addresses. Nothing is called.
func newEmail(n *config.Notice, log *zap.Logger, p patience) (*email, error) {
	host, port, err := net.SplitHostPort(n.Server)
	number, errPort := strconv.Atoi(port)
	if err != nil || errPort != nil || host == "" {
		return nil, errors.New("server: must be a host and a port")
	}
	e := &email{host: host, log: log, options: []mail.Option{
		mail.WithPort(number), mail.WithTimeout(cmp.Or(p.timeout, 15*time.Second)),
	}}
	if e.from, err = netmail.ParseAddress(n.From); err != nil {
		return nil, errors.New("from: must be an e-mail address")
	}
	for _, to := range n.To {
		address, err := netmail.ParseAddress(to)
		if err != nil {
			return nil, errors.New("to: must list e-mail addresses")
		}
		e.to = append(e.to, address)
	}
	if len(e.to) == 0 {
		return nil, errors.New("to: must list at least one e-mail address")
	}
	if err := e.secure(n); err != nil {
		return nil, err
	}
	if err := e.signIn(n); err != nil {
		return nil, err
	}
	if _, err := mail.NewClient(e.host, e.options...); err != nil {
		return nil, errors.New("server: cannot be used")
	}
	return e, nil
}

// secure says how the connection is protected: without TLS only on this machine.
func (e *email) secure(n *config.Notice) error {
	conf := &tls.Config{ServerName: e.host, MinVersion: tls.VersionTLS12}
	if n.CAFile != "" {
		pem, err := os.ReadFile(n.CAFile)
		if err != nil {
			return fmt.Errorf("caFile: read certificate authorities: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return errors.New("caFile: holds no PEM certificate")
		}
	}
	e.options = append(e.options, mail.WithTLSConfig(conf))
	switch n.TLS {
	case "implicit":
		e.options = append(e.options, mail.WithSSL())
	case "none":
		if !isLoopback(e.host) || !n.Username.IsZero() {
			return errors.New("tls: none is allowed for this machine only, and without signing in")
		}
		e.options = append(e.options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		e.options = append(e.options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	return nil
}

func (e *email) signIn(n *config.Notice) error {
	if n.Username.IsZero() {
		return nil
	}
	username, err := n.Username.Resolve()
	if err != nil {
		return fmt.Errorf("username: %w", err)
	}
	password, err := n.Password.Resolve()
	if err != nil {
		return fmt.Errorf("password: %w", err)
	}
	e.options = append(e.options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover),
		mail.WithUsername(username.Reveal()), mail.WithPassword(password.Reveal()))
	return nil
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.IsLoopback()
}

// Send sends the notice to each address on its own, so that one dead mailbox does not
// keep it from the others. It is delivered when anybody has it.
func (e *email) Send(ctx context.Context, n Notice) error {
	client, err := mail.NewClient(e.host, e.options...)
	if err != nil {
		return errors.New("deliver the notice: the mail client cannot be set up")
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return fmt.Errorf("deliver the notice: %w", mailFailure(err))
	}
	defer func() {
		// What was accepted is delivered, however the server takes leave.
		if client.CloseWithSMTPClient(session) != nil {
			_ = session.Close()
		}
	}()
	messages := make([]*mail.Msg, 0, len(e.to))
	for _, to := range e.to {
		messages = append(messages, e.message(n, to))
	}
	err = client.SendWithSMTPClient(session, messages...)
	refused := 0
	for _, m := range messages {
		if !m.IsDelivered() {
			refused++
		}
	}
	switch {
	case refused == len(messages):
		return fmt.Errorf("deliver the notice: %w", mailFailure(err))
	case refused > 0:
		e.log.Warn("some addresses did not get a notice", zap.Int("addresses", refused), zap.Error(mailFailure(err)))
	}
	return nil
}

// message writes the notice as a mail. The words have no line break by then, and the
// library encodes whatever is not plain, so nothing can become a header of its own.
func (e *email) message(n Notice, to *netmail.Address) *mail.Msg {
	m := mail.NewMsg(mail.WithNoDefaultUserAgent())
	m.FromMailAddress(e.from)
	m.ToMailAddress(to)
	m.Subject("simscim: " + n.Title())
	m.SetDateWithValue(n.At)
	_, domain, _ := strings.Cut(e.from.Address, "@")
	m.SetMessageIDWithValue(n.ID() + "@" + domain)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no answers, please
	m.SetBodyString(mail.TypeTextPlain, strings.Join(n.Lines(), "\n\n")+"\n")
	return m
}

// mailFailure names what went wrong. Texts of mail servers repeat addresses, so only
// the number of an answer is kept (RFC 5321 §4.2).
func mailFailure(err error) error {
	var what string
	_, isDNS := errors.AsType[*net.DNSError](err)
	_, isCert := errors.AsType[*tls.CertificateVerificationError](err)
	netErr, isNet := errors.AsType[net.Error](err)
	refused, isRefused := errors.AsType[*mail.SendError](err)
	answer, isAnswer := errors.AsType[*textproto.Error](err)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), isNet && netErr.Timeout():
		what = "no answer in time"
	case isDNS:
		what = "the host name does not resolve"
	case isCert:
		what = "the server's certificate is not trusted"
	case errors.Is(err, syscall.ECONNREFUSED):
		what = "the connection was refused"
	case isRefused && refused.ErrorCode() != 0:
		what = fmt.Sprintf("the mail server answered %d while %s", refused.ErrorCode(), refused.Reason)
	case isRefused: // the library keeps the cause to itself
		what = fmt.Sprintf("the mail server fell silent or cut the connection while %s", refused.Reason)
	case isAnswer:
		what = fmt.Sprintf("the mail server answered %d while signing in", answer.Code)
	default:
		what = "the conversation with the mail server failed; see that starttls or implicit TLS, and signing in, are as it wants them"
	}
	return errors.New(what)
}
