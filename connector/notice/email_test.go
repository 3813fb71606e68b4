package notice

import (
	"errors"
	"io"
	"mime"
	"mime/quotedprintable"
	netmail "net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"simscim/config"
	"simscim/internal/secret/secrettest"
)

// mailTo makes the sender to a post office.
func mailTo(t *testing.T, p *postOffice, change func(*config.Notice)) (*email, *observer.ObservedLogs) {
	t.Helper()
	n := &config.Notice{
		Type: "email", TLS: "starttls", CAFile: p.open(t), Server: p.addr,
		From: "simscim <simscim@trust.example>", To: []string{"it@trust.example"},
	}
	if change != nil {
		change(n)
	}
	timeout := time.Minute
	for _, answer := range p.answers {
		if answer == "" { // it hangs: long enough to come so far, on a busy machine too
			timeout = 2 * time.Second
		}
	}
	core, logs := observer.New(zap.DebugLevel)
	e, err := newEmail(n, zap.New(core), patience{timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	return e, logs
}

func TestEmailIsSecured(t *testing.T) {
	t.Parallel()
	signIn := func(n *config.Notice) {
		n.Username, n.Password = secrettest.File(t, "simscim"), secrettest.File(t, "s3cret")
	}
	for name, tc := range map[string]struct {
		office *postOffice
		change func(*config.Notice)
		want   letter
		err    string
	}{
		"starttls":             {office: &postOffice{starttls: true}, want: letter{secured: true}},
		"starttls and sign-in": {office: &postOffice{starttls: true}, change: signIn, want: letter{secured: true, signedIn: "\x00simscim\x00s3cret"}},
		"implicit": {
			office: &postOffice{implicit: true},
			change: func(n *config.Notice) { n.TLS = "implicit"; signIn(n) },
			want:   letter{secured: true, signedIn: "\x00simscim\x00s3cret"},
		},
		"none, on this machine": {office: &postOffice{}, change: func(n *config.Notice) { n.TLS = "none" }},
		"starttls is taken out on the way": {
			office: &postOffice{}, change: signIn,
			err: "deliver the notice: the conversation with the mail server failed; see that starttls or implicit TLS, and signing in, are as it wants them",
		},
		"an unknown authority": {
			office: &postOffice{starttls: true}, change: func(n *config.Notice) { n.CAFile = "" },
			err: "deliver the notice: the server's certificate is not trusted",
		},
		"an unknown authority, implicit": {
			office: &postOffice{implicit: true}, change: func(n *config.Notice) { n.TLS, n.CAFile = "implicit", "" },
			err: "deliver the notice: the server's certificate is not trusted",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, _ := mailTo(t, tc.office, tc.change)
			got := ""
			if err := e.Send(t.Context(), samples()["held"]); err != nil {
				got = err.Error()
			}
			if got != tc.err {
				t.Fatalf("got %q, want %q", got, tc.err)
			}
			tc.office.mu.Lock()
			defer tc.office.mu.Unlock()
			if tc.err != "" {
				if len(tc.office.mails) > 0 || strings.Contains(strings.Join(tc.office.lines, "\n"), "AUTH") {
					t.Errorf("said %q", tc.office.lines)
				}
				return
			}
			if len(tc.office.mails) != 1 || tc.office.mails[0].secured != tc.want.secured || tc.office.mails[0].signedIn != tc.want.signedIn {
				t.Errorf("got %+v", tc.office.mails)
			}
		})
	}
}

func TestEmailText(t *testing.T) {
	t.Parallel()
	for name, n := range samples() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			office := &postOffice{starttls: true}
			e, _ := mailTo(t, office, nil)
			if name == "hostile" {
				n.Schools = n.Schools[:1] // its name comes into the subject
			}
			if err := e.Send(t.Context(), n); err != nil {
				t.Fatal(err)
			}
			msg, err := netmail.ReadMessage(strings.NewReader(office.mails[0].text))
			if err != nil {
				t.Fatal(err)
			}
			headers := make([]string, 0, len(msg.Header))
			for h := range msg.Header {
				headers = append(headers, h)
			}
			slices.Sort(headers)
			want := []string{
				"Auto-Submitted", "Content-Transfer-Encoding", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To",
			}
			if diff := cmp.Diff(want, headers); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
			subject, err := new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject"))
			if err != nil || subject != "simscim: "+n.Title() {
				t.Errorf("subject %q, %v", subject, err)
			}
			if id := msg.Header.Get("Message-Id"); id != "<"+n.ID()+"@trust.example>" {
				t.Errorf("message id %s", id)
			}
			body, err := io.ReadAll(quotedprintable.NewReader(msg.Body))
			if err != nil {
				t.Fatal(err)
			}
			text := "Subject: " + subject + "\nDate: " + msg.Header.Get("Date") + "\n\n" + strings.ReplaceAll(string(body), "\r\n", "\n")
			golden(t, "email."+name+".txt", []byte(strings.TrimSpace(text)))
		})
	}
}

func TestHostileMailServers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answers map[string]string
		want    string
	}{
		"sender refused":      {map[string]string{"MAIL": "550 5.1.8 <simscim@trust.example> verysecret"}, "the mail server answered 550 while sending SMTP MAIL FROM command"},
		"recipient refused":   {map[string]string{"RCPT": "550 5.1.1 <it@trust.example> verysecret"}, "the mail server answered 550 while sending SMTP RCPT TO command"},
		"letter refused":      {map[string]string{"letter": "554 5.7.1 verysecret"}, "the mail server answered 554 while closing SMTP DATA writer"},
		"try later":           {map[string]string{"RCPT": "451 4.7.1 greylisted verysecret"}, "the mail server answered 451 while sending SMTP RCPT TO command"},
		"sign-in refused":     {map[string]string{"AUTH": "535 5.7.8 simscim verysecret"}, "the mail server answered 535 while signing in"},
		"not a mail server":   {map[string]string{"220": "HTTP/1.1 400 verysecret"}, "the conversation with the mail server failed; see that starttls or implicit TLS, and signing in, are as it wants them"},
		"says nothing":        {map[string]string{"220": ""}, "no answer in time"},
		"hangs in the middle": {map[string]string{"DATA": ""}, "the mail server fell silent or cut the connection while sending SMTP DATA command"},
		"hangs at the end":    {map[string]string{"letter": ""}, "the mail server fell silent or cut the connection while closing SMTP DATA writer"},
		"cut":                 {map[string]string{"MAIL": "-"}, "the mail server fell silent or cut the connection while sending SMTP MAIL FROM command"},
		"takes no leave":      {map[string]string{"QUIT": "-"}, ""},
		"forgets to reset":    {map[string]string{"RSET": "500 5.5.1 verysecret"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			office := &postOffice{starttls: true, answers: tc.answers}
			e, logs := mailTo(t, office, func(n *config.Notice) {
				n.Username, n.Password = secrettest.File(t, "simscim"), secrettest.File(t, "s3cret")
			})
			err := e.Send(t.Context(), samples()["held"])
			if tc.want == "" {
				if err != nil || len(office.mails) != 1 {
					t.Errorf("got %v and %d mails", err, len(office.mails))
				}
			} else if err == nil || err.Error() != "deliver the notice: "+tc.want {
				t.Errorf("got %v, want %s", err, tc.want)
			}
			if logs.Len() > 0 {
				t.Errorf("logged: %v", logs.All())
			}
		})
	}
}

func TestOneDeadMailbox(t *testing.T) {
	t.Parallel()
	office := &postOffice{starttls: true, answers: map[string]string{"RCPT TO:<left@trust.example>": "550 5.1.1 <left@trust.example> unknown"}}
	e, logs := mailTo(t, office, func(n *config.Notice) {
		n.To = []string{"left@trust.example", "IT <it@trust.example>", "dpo@trust.example"}
	})
	if err := e.Send(t.Context(), samples()["held"]); err != nil {
		t.Fatal(err)
	}
	var to []string
	for _, l := range office.mails {
		to = append(to, l.to)
	}
	if diff := cmp.Diff([]string{"TO:<it@trust.example>", "TO:<dpo@trust.example>"}, to); diff != "" {
		t.Errorf("delivered (-want +got):\n%s", diff)
	}
	lines := logs.All()
	if len(lines) != 1 || lines[0].ContextMap()["addresses"] != int64(1) || strings.Contains(toJSON(t, lines[0].ContextMap()), "left") {
		t.Errorf("logged %v", lines)
	}
}

func TestAMailServerThatIsNotThere(t *testing.T) {
	t.Parallel()
	e, err := newEmail(&config.Notice{Server: "127.0.0.1:1", From: "a@b.example", To: []string{"c@d.example"}}, zap.NewNop(), patience{})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Send(t.Context(), samples()["held"]); err == nil || err.Error() != "deliver the notice: the connection was refused" {
		t.Errorf("got %v", err)
	}
}

func TestEmailSettingsThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*config.Notice){
		"server: ":   func(n *config.Notice) { n.Server = ":25" },
		"server:":    func(n *config.Notice) { n.Server = "mail.example" },
		"server":     func(n *config.Notice) { n.Server = "mail.example:0" },
		"from: ":     func(n *config.Notice) { n.From = "a@b.example\r\nBcc: x@y.example" },
		"to: must l": func(n *config.Notice) { n.To = []string{"a@b.example, c@d.example"} },
		"to: must":   func(n *config.Notice) { n.To = nil },
		"to: ":       func(n *config.Notice) { n.To = []string{"a@b.example\nRCPT TO:<x@y.example>"} },
		"tls: ":      func(n *config.Notice) { n.TLS = "none" },
		"tls: none":  func(n *config.Notice) { n.TLS, n.Server, n.Username = "none", "localhost:25", secrettest.File(t, "x") },
		"caFile: ":   func(n *config.Notice) { n.CAFile = "no-such-file" },
		"password: ": func(n *config.Notice) { n.Username, n.Password = secrettest.File(t, "x"), secrettest.File(t, "") },
	} {
		n := &config.Notice{Server: "mail.example:587", TLS: "starttls", From: "a@b.example", To: []string{"c@d.example"}}
		change(n)
		if _, err := newEmail(n, zap.NewNop(), patience{}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
	if got := mailFailure(errors.New("verysecret")).Error(); strings.Contains(got, "verysecret") {
		t.Errorf("got %s", got)
	}
}
