package job

import "encoding/json"

// ReadRecord reads an element of a file, for the fuzz test.
func ReadRecord(raw json.RawMessage) { readRecord(raw).shown() }
