package console

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"go.uber.org/zap"
)

// Server listens for the console. The zero value is not usable: Addr and Handler are
// needed.
type Server struct {
	// Addr to listen on, such as "127.0.0.1:8080".
	Addr    string
	Handler http.Handler
	// Grace is how long answers under way may take after the stop; 0 is 5 s.
	Grace time.Duration
	// Log takes what goes wrong; nil is nowhere.
	Log *zap.Logger
}

// ListenAndServe serves until the context ends, then lets answers under way finish. An
// orderly end is no error.
func (s *Server) ListenAndServe(ctx context.Context) error {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", s.Addr)
	if err != nil {
		return fmt.Errorf("listen for the console: %w", err)
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
		ErrorLog:          zap.NewStdLog(log.Named("console")),
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	log.Info("the console listens", zap.Stringer("address", ln.Addr()))
	select {
	case err := <-served:
		return fmt.Errorf("serve the console: %w", err)
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
		return fmt.Errorf("stop the console: %w", err)
	}
	return nil
}
