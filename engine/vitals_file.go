package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// fileVitals are locked files beside a SQLite database: the kernel unlocks a
// file when the process that locked it ends.
type fileVitals struct {
	dir  string
	held *os.File
}

const takeoverLock = ".takeover" // an executor's name ends in random digits

func newFileVitals(database string) (*fileVitals, error) {
	dir := filepath.Join(filepath.Dir(database), "executors")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return &fileVitals{dir: dir}, nil
}

func (v *fileVitals) Hold(_ context.Context, executor string) error {
	f, err := os.OpenFile(filepath.Join(v.dir, executor), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	v.held = f
	return nil
}

// Lost never gives anything: only the process itself can unlock its file.
func (v *fileVitals) Lost() <-chan error { return nil }

func (v *fileVitals) Alive(_ context.Context, executors []string) (map[string]bool, error) {
	alive := make(map[string]bool, len(executors))
	for _, id := range executors {
		locked, err := v.locked(id)
		if err != nil {
			return nil, err
		}
		alive[id] = locked
	}
	return alive, nil
}

func (v *fileVitals) locked(executor string) (bool, error) {
	f, err := os.Open(filepath.Join(v.dir, filepath.Base(executor)))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return true, nil
	}
	return false, err
}

func (v *fileVitals) Alone(ctx context.Context) (func(), error) {
	f, err := os.OpenFile(filepath.Join(v.dir, takeoverLock), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			_ = f.Close()
			return nil, err
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			_ = f.Close()
			return nil, err
		}
	}
}

func (v *fileVitals) Bury(executor string) {
	_ = os.Remove(filepath.Join(v.dir, filepath.Base(executor)))
}

func (v *fileVitals) Release() {
	if v.held == nil {
		return
	}
	_ = os.Remove(v.held.Name())
	_ = v.held.Close()
	v.held = nil
}
