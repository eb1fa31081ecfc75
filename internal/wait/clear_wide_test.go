package wait

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestClearWide has wide beds, one in each hub: no other hub has room for one.
func TestClearWide(t *testing.T) {
	asleepAtOnce(t)
	sleepsOf(t, time.Hour)
	inHub(t)
	const n, width = 8, 70
	ctx, cancel := context.WithCancel(context.Background())
	fence := &mortuary{}
	var words [n][width]uint32
	var wg sync.WaitGroup
	for i := range words {
		var cases []Case
		for k := range words[i] {
			e := NewEvent(&words[i][k], fence)
			cases = append(cases, NewCase(&e, func() bool { return false }, func() {}, nil))
		}
		wg.Go(func() { _, _ = Any(ctx, cases) })
	}
	until(func() bool { return listed() == n*width })
	dorm.Lock()
	w := watcher
	before := slices.Clone(hubs)
	dorm.Unlock()
	w.round()
	dorm.Lock() // a hub that was cleared is about to put its bed out, or has ended
	if !slices.Equal(hubs, before) || slices.ContainsFunc(hubs, func(h *hub) bool { return len(h.gone) > 0 }) {
		t.Error("a hub was cleared, for whose beds no other has room")
	}
	dorm.Unlock()
	cancel()
	wg.Wait()
}
