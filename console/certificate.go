package console

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"os"
	"sync"

	"go.uber.org/zap"
)

// Certificate is a certificate with its key, in two PEM files. Whatever renews it writes
// the files, and the next connection gets what is in them.
type Certificate struct {
	certFile, keyFile string
	log               *zap.Logger

	mu sync.Mutex
	// cert and key are what the files held when they were last looked at, and parsed is
	// the last pair that went together.
	cert, key []byte
	parsed    *tls.Certificate
	// told is what went wrong last, so that not every connection tells it again.
	told string
}

// OpenCertificate reads the files for the first time. The log, which may be nil, takes
// what goes wrong later.
func OpenCertificate(certFile, keyFile string, log *zap.Logger) (*Certificate, error) {
	if log == nil {
		log = zap.NewNop()
	}
	c := &Certificate{certFile: certFile, keyFile: keyFile, log: log}
	if err := c.refresh(); err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	return c, nil
}

// get is called for every new connection. While the files cannot be used, as between
// writing the one and the other, the last good pair stays.
func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.refresh(); err != nil && err.Error() != c.told {
		c.told = err.Error()
		c.log.Warn("the certificate cannot be read anew; the last one stays in use", zap.Error(err))
	}
	return c.parsed, nil
}

// refresh parses the files if they are not what they were. The bytes are compared, since
// times on a disc are too coarse to tell; they are a few KB, in the system's memory.
func (c *Certificate) refresh() error {
	cert, err := os.ReadFile(c.certFile)
	if err != nil {
		return err
	}
	key, err := os.ReadFile(c.keyFile)
	if err != nil {
		return err
	}
	if c.parsed != nil && bytes.Equal(cert, c.cert) && bytes.Equal(key, c.key) {
		return nil
	}
	c.cert, c.key = cert, key
	parsed, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return err
	}
	c.parsed, c.told = &parsed, ""
	return nil
}
