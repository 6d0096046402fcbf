package guides

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long one guide may take on a busy machine.
const patience = 5 * time.Minute

// step is a block of one document.
type step struct {
	block
	document string
}

func (s step) String() string { return fmt.Sprintf("%s:%d", s.document, s.line) }

// play types the steps into one shell in a folder and reports the first command that fails and every answer that is not
// the one shown. What a guide leaves running ends with it.
func play(t *testing.T, steps []step, folder string, env []string) {
	t.Helper()
	desk := t.TempDir() // texts of the steps and what they printed
	var script strings.Builder
	script.WriteString("set -eu -o pipefail\n")
	for i, s := range steps {
		put(t, filepath.Join(desk, strconv.Itoa(i)), s.text)
		fmt.Fprintf(&script, "echo %d >%q\n", i, filepath.Join(desk, "at"))
		switch at := filepath.Join(desk, strconv.Itoa(i)); s.kind {
		case run:
			fmt.Fprintf(&script, ". %q >%q 2>%q\n", at, at+".out", at+".err")
		case written:
			fmt.Fprintf(&script, "mkdir -p %q && cp %q %q\n", filepath.Dir(s.name), at, s.name)
		case answer, shown:
		}
	}
	put(t, filepath.Join(desk, "script"), script.String())

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "--noprofile", "--norc", filepath.Join(desk, "script"))
	cmd.Dir, cmd.Env = folder, env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	end := func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Cancel = end
	log, err := os.Create(filepath.Join(desk, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	failure := cmd.Run()
	if cmd.Process != nil {
		if err := end(); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Errorf("end what the guide left running: %v", err)
		}
	}
	said := get(filepath.Join(desk, "log"))
	reached, err := strconv.Atoi(strings.TrimSpace(get(filepath.Join(desk, "at"))))
	if err != nil {
		t.Fatalf("the shell did not start: %v: %s", failure, said)
	}
	if failure != nil {
		at := filepath.Join(desk, strconv.Itoa(reached))
		t.Errorf("%s: %v\n%s\nprinted: %s\nand on standard error: %s%s",
			steps[reached], failure, steps[reached].text, get(at+".out"), get(at+".err"), said)
		reached--
	}
	for i, s := range steps[:reached+1] {
		if s.kind != answer {
			continue
		}
		asked := i - 1
		for steps[asked].kind != run {
			asked--
		}
		if got := get(filepath.Join(desk, strconv.Itoa(asked)+".out")); !fits(s.text, got) {
			t.Errorf("%s shows\n%s\nbut the answer is\n%s", s, s.text, got)
		}
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// get reads a file that may not be there.
func get(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(text)
}
