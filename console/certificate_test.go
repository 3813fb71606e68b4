package console_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"simscim/console"
)

// pair is where a certificate and its key lie.
type pair struct{ cert, key string }

// issue makes a certificate with the number.
func issue(t *testing.T, serial int64) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: noon, NotAfter: noon.AddDate(100, 0, 0), DNSNames: []string{"scim.trust.example"},
	}, &x509.Certificate{SerialNumber: big.NewInt(serial)}, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func files(t *testing.T) pair {
	t.Helper()
	dir := t.TempDir()
	return pair{filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")}
}

// serial connects and tells which certificate it was shown.
func serial(t *testing.T, address string) int64 {
	t.Helper()
	// The chain is not what is tried here.
	d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}
	c, err := d.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

func TestCertificateIsRenewed(t *testing.T) {
	t.Parallel()
	at := files(t)
	cert, key := issue(t, 1)
	write(t, at.cert, cert)
	write(t, at.key, key)
	core, logs := observer.New(zapcore.WarnLevel)
	certificate, err := console.OpenCertificate(at.cert, at.key, zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	s := &console.Server{Name: "feeds", Handler: console.Feeds(nil), Certificate: certificate}
	go func() { ended <- s.Serve(ctx, ln) }()
	wants := func(after string, number int64, warnings int) {
		t.Helper()
		for range 2 { // the second connection tells nothing anew
			if got := serial(t, ln.Addr().String()); got != number {
				t.Errorf("after %s: certificate %d, want %d", after, got, number)
			}
		}
		if got := logs.Len(); got != warnings {
			t.Errorf("after %s: %d warnings, want %d: %v", after, got, warnings, logs.All())
		}
	}
	wants("the start", 1, 0)
	cert, key = issue(t, 2)
	write(t, at.cert, cert)
	wants("half of a renewal", 1, 1)
	write(t, at.key, key)
	wants("a renewal", 2, 1)
	if err := os.Remove(at.key); err != nil {
		t.Fatal(err)
	}
	wants("the loss of the key", 2, 2)
	cert, key = issue(t, 3)
	write(t, at.key, key)
	write(t, at.cert, cert)
	wants("another renewal", 3, 2)

	old := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}}
	if c, err := old.DialContext(ctx, "tcp", ln.Addr().String()); err == nil {
		_ = c.Close()
		t.Error("TLS 1.1 is spoken")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Serve = %v", err)
	}
}

func TestPlainHTTPIsRefusedWithACertificate(t *testing.T) {
	t.Parallel()
	at := files(t)
	cert, key := issue(t, 1)
	write(t, at.cert, cert)
	write(t, at.key, key)
	certificate, err := console.OpenCertificate(at.cert, at.key, nil)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = (&console.Server{Handler: feed("okta"), Certificate: certificate}).Serve(t.Context(), ln) }()
	c, err := net.DialTimeout("tcp", ln.Addr().String(), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("GET /feeds/okta/Users HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 64)
	n, _ := c.Read(answer)
	if got := string(answer[:n]); len(got) < 12 || got[9:12] != "400" {
		t.Errorf("plain HTTP is answered with %q", got)
	}
}

func TestOpenCertificateRefuses(t *testing.T) {
	t.Parallel()
	cert, key := issue(t, 1)
	_, other := issue(t, 2)
	for name, content := range map[string][2][]byte{
		"no files":       {nil, nil},
		"no key":         {cert, nil},
		"another's key":  {cert, other},
		"wrong way":      {key, cert},
		"not PEM":        {[]byte("certificate"), []byte("key")},
		"nothing inside": {{}, {}},
	} {
		at := files(t)
		for i, path := range []string{at.cert, at.key} {
			if content[i] != nil {
				write(t, path, content[i])
			}
		}
		if _, err := console.OpenCertificate(at.cert, at.key, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
