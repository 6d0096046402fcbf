package sandbox

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
)

// maxFrame is the longest frame either side takes.
const maxFrame = 8 << 20

// The types of frames.
const (
	typeReady = "ready" // worker: limits are set, a run may come
	typeRun   = "run"   // parent: one execution
	typeDone  = "done"  // worker: its end
)

// frame is one message between parent and worker.
type frame struct {
	Type string `json:"t"`
	ID   uint64 `json:"id,omitempty"` // of the execution

	// Of a run.
	Program  string          `json:"program,omitempty"`
	Input    json.RawMessage `json:"input,omitempty"`
	CPUMS    int64           `json:"cpu_ms,omitempty"`
	WallMS   int64           `json:"deadline_ms,omitempty"`
	MostText int             `json:"output_max,omitempty"`

	// Of a done: one of the two.
	Output json.RawMessage `json:"output,omitempty"`
	Error  *Failure        `json:"error,omitempty"`
}

func writeFrame(w io.Writer, f frame) error {
	body, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("encode a %s frame: %w", f.Type, err)
	}
	if len(body) > maxFrame {
		return fmt.Errorf("a %s frame of %d bytes is longer than %d", f.Type, len(body), maxFrame)
	}
	buffer := make([]byte, 4, 4+len(body))
	binary.BigEndian.PutUint32(buffer, uint32(len(body)))
	_, err = w.Write(append(buffer, body...))
	return err
}

func readFrame(r io.Reader) (frame, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return frame{}, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > maxFrame {
		return frame{}, fmt.Errorf("a frame of %d bytes is longer than %d", n, maxFrame)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return frame{}, err
	}
	var f frame
	if err := json.Unmarshal(body, &f); err != nil {
		return frame{}, fmt.Errorf("a frame is not the JSON of this protocol: %w", err)
	}
	return f, nil
}
