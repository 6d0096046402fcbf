package sandbox

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestRun_HasNothingThatTheServerHasOpen(t *testing.T) {
	t.Parallel()
	file, err := os.Open("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	const high = 300
	inherited, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD, high) // as if the server had been started with it
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(inherited) }()
	var open bool
	if err := newPool(t).Run(t.Context(), execution("open", inherited), &open); err != nil || open {
		t.Errorf("descriptor %d is open in the worker: %v (%v)", inherited, open, err)
	}
}
