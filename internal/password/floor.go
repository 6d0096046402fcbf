package password

import (
	"context"
	"sync/atomic"
	"time"

	"latchkey/internal/user"
)

// How long a refused password takes: longer than the schemes that other systems usually have used (bcrypt of cost 10 takes
// a twentieth of a second), and no longer than anybody would wait.
const (
	leastFloor = 150 * time.Millisecond
	mostFloor  = 4 * time.Second
)

// Floor makes refusals of passwords last equally long, whatever the stored hash costs: the imported hashes of other systems
// cost more or less than the decoy that stands for nobody's, and would tell by the time which accounts there are. It waits and
// spends nothing. The zero Floor is ready; it is safe for concurrent use.
type Floor struct {
	raised atomic.Int64 // by dearer hashes; zero until then
}

// Wait returns when a refusal that began at a moment has lasted long enough. Where a hash of another system was dearer than
// the floor, refusals last longer from then on.
func (f *Floor) Wait(ctx context.Context, began time.Time, stored user.Password) {
	took := time.Since(began)
	floor := max(leastFloor, time.Duration(f.raised.Load()))
	if took > floor && NeedsRehash(stored) {
		for floor < min(took, mostFloor) {
			floor *= 2
		}
		f.raised.Store(int64(min(floor, mostFloor)))
	}
	timer := time.NewTimer(floor - took)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
