package sqlite

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/store/engine"
)

func open(t *testing.T, o Options) *Engine {
	t.Helper()
	e, err := Open(filepath.Join(t.TempDir(), "test.db"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	if err := e.Write(t.Context(), do("CREATE TABLE t (n INTEGER PRIMARY KEY)")); err != nil {
		t.Fatal(err)
	}
	return e
}

func do(sql string, args ...any) *engine.Statement { return &engine.Statement{SQL: sql, Args: args} }

func insert(n int) []*engine.Statement {
	return []*engine.Statement{do("INSERT INTO t (n) VALUES ($1)", n)}
}

func count(t *testing.T, e *Engine) (n int) {
	t.Helper()
	err := e.Read(t.Context(), &engine.Statement{
		SQL: "SELECT COUNT(*) FROM t", Row: func(r engine.Row) error { return r.Scan(&n) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// queue begins a transaction that writes n in a goroutine and returns once it waits for the writer. The test runs in a bubble.
func queue(t *testing.T, e *Engine, n int, finish func(engine.Session) error) <-chan error {
	t.Helper()
	outcome := make(chan error, 1)
	go func() {
		s := e.Begin()
		if err := s.Run(context.Background(), insert(n), false); err != nil {
			outcome <- err
			return
		}
		outcome <- finish(s)
	}()
	synctest.Wait()
	return outcome
}

func commitIt(s engine.Session) error { return s.Run(context.Background(), nil, true) }

func TestSession_ThoseThatQueueAreCommittedTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Options{})
		first := e.Begin()
		if err := first.Run(t.Context(), insert(1), false); err != nil {
			t.Fatal(err)
		}
		seen := make(chan int, 1)
		undone := queue(t, e, 2, func(s engine.Session) error {
			seen <- count(t, e) // from a reading connection: nothing is committed yet
			s.Rollback()
			return nil
		})
		last := queue(t, e, 3, commitIt)
		if err := first.Run(t.Context(), nil, true); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(<-undone, <-last); err != nil {
			t.Fatal(err)
		}
		if n := <-seen; n != 0 {
			t.Errorf("the second saw %d committed rows, want 0: the first was committed alone", n)
		}
		if n := count(t, e); n != 2 {
			t.Errorf("got %d rows, want 2: what the second undid is its own", n)
		}
	})
}

// An event of the log once had the time of its writing and not that of its commit, for which it waited behind others.
func TestSession_WhatIsStampedIsStampedWithTheCommit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Options{})
		begun := time.Now()
		stamped := do("INSERT INTO t (n) VALUES ($1)", -1)
		stamped.Stamp = func() { stamped.Args[0] = int(time.Since(begun) / time.Second) }
		first := e.Begin()
		if err := first.Run(t.Context(), insert(100), false); err != nil {
			t.Fatal(err)
		}
		written := make(chan error, 1)
		go func() { written <- e.Write(context.Background(), stamped) }()
		synctest.Wait()
		slow := queue(t, e, 200, func(s engine.Session) error {
			time.Sleep(7 * time.Second)
			return commitIt(s)
		})
		if err := errors.Join(first.Run(t.Context(), nil, true), <-written, <-slow); err != nil {
			t.Fatal(err)
		}
		var rows []int
		err := e.Read(t.Context(), &engine.Statement{SQL: "SELECT n FROM t ORDER BY n", Row: func(r engine.Row) error {
			var n int
			err := r.Scan(&n)
			rows = append(rows, n)
			return err
		}})
		if want := []int{7, 100, 200}; err != nil || !slices.Equal(rows, want) {
			t.Errorf("got %v, error %v, want %v", rows, err, want)
		}
	})
}

func TestSession_AStampedWriteThatFailsUndoesItsCommit(t *testing.T) {
	t.Parallel()
	e := open(t, Options{})
	taken := do("INSERT INTO t (n) VALUES ($1)", -1)
	taken.Stamp = func() { taken.Args[0] = 1 }
	if err := e.Begin().Run(t.Context(), append(insert(1), taken), true); err == nil {
		t.Error("a row was written twice")
	}
	taken.Stamp = func() { taken.Args[0] = 2 }
	if err := e.Begin().Run(t.Context(), append(insert(1), taken), true); err != nil {
		t.Errorf("again: %v", err)
	}
	if n := count(t, e); n != 2 {
		t.Errorf("got %d rows, want 2", n)
	}
}

func TestSession_AWaitThatEndsDoesNotLeaveOthersUncommitted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Options{WriterWait: 20 * time.Millisecond})
		first := e.Begin()
		if err := first.Run(t.Context(), insert(1), false); err != nil {
			t.Fatal(err)
		}
		impatient := queue(t, e, 2, commitIt)
		if err := <-impatient; apierr.KindOf(err) != apierr.Unavailable {
			t.Fatalf("got error %v, want one of kind unavailable", err)
		}
		e.waiting.Add(1) // as if it gave up just after the first had looked
		defer e.waiting.Add(-1)
		if err := first.Run(t.Context(), nil, true); err != nil {
			t.Fatal(err)
		}
		if n := count(t, e); n != 1 {
			t.Errorf("got %d rows, want 1", n)
		}
	})
}

func TestSession_ALostTransactionIsLostForAllThatWaitForIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Options{})
		first := e.Begin()
		if err := first.Run(t.Context(), insert(1), false); err != nil {
			t.Fatal(err)
		}
		second := queue(t, e, 2, func(s engine.Session) error {
			// What SQLite does by itself when, for example, the disk is full.
			if err := e.writer.exec("ROLLBACK"); err != nil {
				return err
			}
			s.Rollback()
			return nil
		})
		if err := first.Run(t.Context(), nil, true); apierr.KindOf(err) != apierr.Unavailable {
			t.Errorf("got error %v, want one of kind unavailable", err)
		}
		if err := <-second; err != nil {
			t.Fatal(err)
		}
		if n := count(t, e); n != 0 {
			t.Errorf("got %d rows, want none", n)
		}
		if err := e.Write(t.Context(), insert(3)[0]); err != nil {
			t.Errorf("the next transaction: %v", err)
		}
	})
}

func TestSession_ACommitThatFailsIsReportedAndTheNextOneWorks(t *testing.T) {
	t.Parallel()
	e := open(t, Options{})
	s := e.Begin()
	if err := s.Run(t.Context(), insert(1), false); err != nil {
		t.Fatal(err)
	}
	if err := e.writer.exec("ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context(), nil, true); err == nil {
		t.Error("the commit of a transaction that is gone succeeded")
	}
	if err := e.Write(t.Context(), insert(2)[0]); err != nil {
		t.Errorf("the next transaction: %v", err)
	}
	if n := count(t, e); n != 1 {
		t.Errorf("got %d rows, want 1", n)
	}
}

func TestSession_AnotherProcessIsWaitedFor(t *testing.T) {
	t.Parallel()
	e := open(t, Options{})
	other, err := Open(e.path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	held := other.Begin()
	if err := held.Run(t.Context(), insert(1), false); err != nil {
		t.Fatal(err)
	}
	outcome := make(chan error, 1)
	go func() { outcome <- e.Write(context.Background(), insert(2)[0]) }()
	if err := held.Run(t.Context(), nil, true); err != nil {
		t.Fatal(err)
	}
	if err := <-outcome; err != nil {
		t.Fatal(err)
	}
	if n := count(t, e); n != 2 {
		t.Errorf("got %d rows, want 2", n)
	}
}
