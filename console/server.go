package console

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"go.uber.org/zap"
)

// Server listens for the console, or for the feeds. The zero value is not usable: Addr
// and Handler are needed.
type Server struct {
	// Name is what it serves, for logs and errors; empty is "console".
	Name string
	// Addr to listen on, such as "127.0.0.1:8080".
	Addr    string
	Handler http.Handler
	// Certificate makes it serve HTTPS alone; nil is plain HTTP.
	Certificate *Certificate
	// Grace is how long answers under way may take after the stop; 0 is 5 s.
	Grace time.Duration
	// Log takes what goes wrong; nil is nowhere.
	Log *zap.Logger
}

func (s *Server) name() string { return cmp.Or(s.Name, "console") }

// ListenAndServe serves until the context ends, then lets answers under way finish. An
// orderly end is no error.
func (s *Server) ListenAndServe(ctx context.Context) error {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", s.Addr)
	if err != nil {
		return fmt.Errorf("listen for the %s: %w", s.name(), err)
	}
	return s.Serve(ctx, ln)
}

// Serve is ListenAndServe on a listener that is there already; it closes it.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	log := s.Log
	if log == nil {
		log = zap.NewNop()
	}
	srv := &http.Server{
		Handler:           s.Handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          zap.NewStdLog(log.Named(s.name())),
	}
	serve := srv.Serve
	if s.Certificate != nil {
		srv.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.Certificate.get}
		serve = func(ln net.Listener) error { return srv.ServeTLS(ln, "", "") }
	}
	served := make(chan error, 1)
	go func() { served <- serve(ln) }()
	log.Info("a server listens", zap.String("of", s.name()), zap.Stringer("address", ln.Addr()), zap.Bool("tls", s.Certificate != nil))
	select {
	case err := <-served:
		return fmt.Errorf("serve the %s: %w", s.name(), err)
	case <-ctx.Done():
	}

	grace := s.Grace
	if grace <= 0 {
		grace = 5 * time.Second
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := srv.Shutdown(stop)
	if err != nil {
		// Whoever is still connected has had their time.
		err = errors.Join(err, srv.Close())
	}
	if end := <-served; !errors.Is(end, http.ErrServerClosed) {
		err = errors.Join(err, end)
	}
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stop the %s: %w", s.name(), err)
	}
	return nil
}
