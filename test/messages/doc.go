// Package messages tests how messages leave a whole server: by whom, once, and what is told of those that do not.
package messages
