package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Time limits of the server. Writing may take long: a fault can make it slow.
const (
	headerTimeout   = 10 * time.Second
	readTimeout     = time.Minute
	writeTimeout    = 2 * time.Minute
	idleTimeout     = 2 * time.Minute
	shutdownTimeout = 5 * time.Second
)

// Running is a sandbox that listens.
type Running struct {
	// URL is the address, without a slash at the end.
	URL  string
	done chan struct{}
	stop context.CancelFunc
	err  error
}

// Listen serves the sandbox on addr (empty means DefaultAddr, port 0 any free one)
// until ctx ends or Close is called. It returns as soon as it listens.
func (s *Sandbox) Listen(ctx context.Context, addr string) (*Running, error) {
	if addr == "" {
		addr = DefaultAddr
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	r := &Running{URL: "http://" + reachable(l.Addr()), done: make(chan struct{}), stop: stop}
	s.mu.Lock()
	s.base = r.URL
	s.mu.Unlock()
	srv := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: 64 << 10,
	}
	go func() {
		defer close(r.done)
		served := make(chan error, 1)
		go func() { served <- srv.Serve(l) }()
		select {
		case err := <-served:
			r.err = fmt.Errorf("serve: %w", err)
		case <-ctx.Done():
			r.err = shutDown(context.WithoutCancel(ctx), srv)
			if err := <-served; !errors.Is(err, http.ErrServerClosed) {
				r.err = errors.Join(r.err, err)
			}
		}
		stop()
	}()
	return r, nil
}

// shutDown lets requests under way finish, and cuts off those that take too long.
func shutDown(ctx context.Context, srv *http.Server) error {
	ctx, cancel := context.WithTimeout(ctx, shutdownTimeout)
	defer cancel()
	err := srv.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = srv.Close()
	}
	if err != nil {
		return fmt.Errorf("shut down: %w", err)
	}
	return nil
}

// reachable is the address to connect to: a server on all interfaces is reached on
// the loopback one.
func reachable(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if ok && tcp.IP.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", fmt.Sprint(tcp.Port))
	}
	return a.String()
}

// Wait returns when the sandbox no longer listens, with the reason if it is not the
// end of the context or Close.
func (r *Running) Wait() error {
	<-r.done
	return r.err
}

// Close stops the sandbox in order and waits for it.
func (r *Running) Close() error {
	r.stop()
	return r.Wait()
}
