package sandbox

import (
	"fmt"
	"math"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// confine takes away from this process what templates and Actions have no need of: memory beyond the limits, new
// descriptors (so neither files nor sockets), core dumps, and new privileges. Failure means that the kernel refused.
func confine() error {
	<-time.After(time.Millisecond) // the runtime opens its poller with the first timer, and could not later
	limits := []struct {
		name     string
		resource int
		most     uint64
	}{
		{"core size", unix.RLIMIT_CORE, 0},
		{"file size", unix.RLIMIT_FSIZE, 0},
		{"address space", unix.RLIMIT_AS, addressSpace},
		{"data", unix.RLIMIT_DATA, dataSpace},
		{"open files", unix.RLIMIT_NOFILE, 3},
	}
	for _, l := range limits {
		if raced && (l.resource == unix.RLIMIT_AS || l.resource == unix.RLIMIT_DATA) {
			continue // only builds for tests are
		}
		if err := unix.Setrlimit(l.resource, &unix.Rlimit{Cur: l.most, Max: l.most}); err != nil {
			return fmt.Errorf("limit %s: %w", l.name, err)
		}
	}
	// With cgo, as in builds with the race detector, this is not possible for all threads at once.
	if _, _, errno := syscall.AllThreadsSyscall(syscall.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0); errno != 0 && errno != syscall.ENOTSUP {
		return fmt.Errorf("give up new privileges: %w", errno)
	}
	return nil
}

// keepDescriptors marks what this process has open, even what it was started with, as its own: no worker gets it. Old kernels
// (before 5.11) cannot; there workers get what the server was started with.
func keepDescriptors() {
	_ = unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC)
}

// attributes give a worker a process group of its own, so that a signal from the terminal goes to the server alone, which
// then ends its workers.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
