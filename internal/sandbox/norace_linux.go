//go:build !race

package sandbox

// raced says that this build has the race detector, which needs many times the memory.
const raced = false
