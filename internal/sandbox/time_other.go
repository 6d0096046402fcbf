//go:build !unix

package sandbox

import "time"

var started = time.Now()

// processorTime is wall-clock time where the system does not say.
func processorTime() time.Duration { return time.Since(started) }
