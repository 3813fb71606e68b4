package notice

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// postOffice is a mail server on loopback that takes what it is given.
type postOffice struct {
	// implicit speaks TLS from the start, starttls offers it.
	implicit, starttls bool
	// answers stand in place of the usual answer to a line that begins with the key;
	// "" hangs, "-" cuts the connection.
	answers map[string]string

	addr   string
	config *tls.Config

	mu    sync.Mutex
	mails []letter
	lines []string
}

// letter is one mail that was accepted.
type letter struct {
	to, text string
	secured  bool
	signedIn string
}

// open starts the server and returns the file with its authority.
func (p *postOffice) open(t *testing.T) (caFile string) {
	t.Helper()
	// The certificate of httptest is good for 127.0.0.1.
	srv := httptest.NewTLSServer(nil)
	p.config = &tls.Config{Certificates: srv.TLS.Certificates, MinVersion: tls.VersionTLS12}
	cert := srv.Certificate().Raw
	srv.Close()
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.addr = listener.Addr().String()
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer context.AfterFunc(t.Context(), func() { conn.Close() })()
				p.talk(conn)
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		all.Wait()
	})
	return caFile
}

func (p *postOffice) talk(conn net.Conn) {
	defer func() { conn.Close() }()
	if p.implicit {
		conn = tls.Server(conn, p.config)
	}
	in, l := bufio.NewReader(conn), letter{secured: p.implicit}
	if !p.say(conn, "220", "220 post.example ready") {
		return
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSpace(line)
		p.mu.Lock()
		p.lines = append(p.lines, line)
		p.mu.Unlock()
		verb, rest, _ := strings.Cut(line, " ")
		switch answer := "250 2.0.0 Ok"; verb {
		case "EHLO":
			answer = "250-post.example\r\n"
			if p.starttls && !l.secured {
				answer += "250-STARTTLS\r\n"
			}
			if !p.say(conn, line, answer+"250-AUTH PLAIN\r\n250 ENHANCEDSTATUSCODES") {
				return
			}
		case "STARTTLS":
			if !p.say(conn, line, "220 2.0.0 go on") {
				return
			}
			conn = tls.Server(conn, p.config)
			in, l.secured = bufio.NewReader(conn), true
		case "AUTH":
			plain, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(rest, "PLAIN "))
			l.signedIn = string(plain)
			if !p.say(conn, line, "235 2.7.0 welcome") {
				return
			}
		case "RCPT":
			l.to = rest
			if !p.say(conn, line, answer) {
				return
			}
		case "DATA":
			if !p.say(conn, line, "354 go on") {
				return
			}
			l.text = readLetter(in)
			if !p.say(conn, "letter", answer) {
				return
			}
			p.mu.Lock()
			p.mails = append(p.mails, l)
			p.mu.Unlock()
		case "QUIT":
			p.say(conn, line, "221 2.0.0 bye")
			return
		default:
			if !p.say(conn, line, answer) {
				return
			}
		}
	}
}

// say answers, and tells whether the conversation goes on.
func (p *postOffice) say(conn net.Conn, line, usual string) bool {
	for key, answer := range p.answers {
		if !strings.HasPrefix(line, key) {
			continue
		}
		switch answer {
		case "":
			_, _ = conn.Read(make([]byte, 1)) // until the caller leaves
			return false
		case "-":
			return false
		}
		usual = answer
	}
	_, err := fmt.Fprintf(conn, "%s\r\n", usual)
	return err == nil
}

func readLetter(in *bufio.Reader) string {
	var text strings.Builder
	for {
		line, err := in.ReadString('\n')
		if err != nil || line == ".\r\n" {
			return text.String()
		}
		text.WriteString(line)
	}
}
