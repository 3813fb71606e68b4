package sqlledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/gofrs/flock"

	"simscim/connector/ledger"
)

// lockPause is how often somebody who waits asks again for the lock.
const lockPause = 100 * time.Millisecond

// lock takes the lock of the store for this process, and waits for it so long. The
// kernel gives it back when the process ends, however that happens; the file stays.
func (at location) lock(ctx context.Context, wait time.Duration, now time.Time) (*flock.Flock, error) {
	lock := flock.New(at.path+".lock", flock.SetPermissions(0o600))
	ok, err := lock.TryLock()
	if !ok && err == nil && wait > 0 {
		waiting, cancel := context.WithTimeout(ctx, wait)
		defer cancel()
		ok, err = lock.TryLockContext(waiting, lockPause)
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			err = nil
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, at.noFolder("lock the store")
	case err != nil:
		return nil, failed("lock the store", err)
	case !ok:
		return nil, &ledger.Busy{Holder: holder(lock.Path(), now)}
	}
	// For people only: whether the lock is held does not depend on it.
	_ = os.WriteFile(lock.Path(), fmt.Appendf(nil, "%d %s\n", os.Getpid(), now.UTC().Format(time.RFC3339)), 0o600)
	return lock, nil
}

// holder says who holds the lock, as far as the file tells.
func holder(path string, now time.Time) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	var pid int
	var at string
	if n, _ := fmt.Fscanf(f, "%d %20s", &pid, &at); n != 2 {
		return ""
	}
	since, err := time.Parse(time.RFC3339, at)
	if err != nil {
		return ""
	}
	form := "15:04"
	if now.Sub(since) >= 24*time.Hour {
		form = "2 January 15:04"
	}
	return fmt.Sprintf(" (process %d since %s)", pid, since.In(now.Location()).Format(form))
}
