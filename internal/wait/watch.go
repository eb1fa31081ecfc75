package wait

import (
	"maps"
	"slices"
	"time"
)

// Who sleeps on a thread of its own looks for the dead after each Slice. If all those who
// have a bed did, ten thousand would need a whole processor for it. The watch, a
// goroutine that is there while there are beds, looks for them: at each Slice, it asks
// each segment whether a process has died, and tells those who wait there to look for
// what the death has left. It tells
//
//   - a bed once, at the first Slice after it was taken: whoever died before that may not
//     be news any more;
//   - all beds of a ward, for some Slices after a death: what it has left may be out of
//     reach at first;
//   - all others in turn, a few at each Slice, for the sake of wakers that were stopped
//     before their wake. While beds are as few as that, each looks after each Slice.
type watch struct {
	stop chan struct{}
	turn int // Slices since it began
}

// A ward is a segment, as seen from the beds of those who wait there.
type ward struct {
	fence    Fence
	beds     int    // guarded by dorm
	census   uint64 // at the last Slice; of the watch only
	restless int    // Slices left in which its beds are to look; likewise
}

// Guarded by dorm.
var (
	wards   = map[Fence]*ward{}
	watcher *watch
)

const (
	looks      = 40 // beds that look in their turn, at each Slice
	aftershock = 5  // Slices after a death in which the beds of its ward look
)

// admit returns the wards of these Events and Fences, for a new bed.
func admit(events []*Event, fences []Fence) (in []*ward) {
	for _, e := range events {
		in = admitTo(in, e.fence)
	}
	for _, f := range fences {
		in = admitTo(in, f)
	}
	return in
}

func admitTo(in []*ward, f Fence) []*ward {
	w := wards[f]
	if w == nil {
		w = &ward{fence: f}
		wards[f] = w
	}
	if !slices.Contains(in, w) {
		in = append(in, w)
		w.beds++
	}
	return in
}

// discharge is for a bed that is out.
func discharge(in []*ward) {
	for _, w := range in {
		if w.beds--; w.beds == 0 {
			delete(wards, w.fence)
		}
	}
}

func startWatch() {
	watcher = &watch{stop: make(chan struct{})}
	go watcher.run()
}

func stopWatch() { close(watcher.stop) }

func (w *watch) run() {
	for {
		t := time.NewTimer(Slice())
		select {
		case <-t.C:
			w.round()
		case <-w.stop:
			t.Stop()
			return
		}
	}
}

// round is what the watch does at each Slice.
func (w *watch) round() {
	dorm.Lock()
	all := slices.Collect(maps.Values(wards))
	dorm.Unlock()
	unrest := false
	for _, ward := range all {
		unrest = ward.look() || unrest
	}
	dorm.Lock()
	defer dorm.Unlock()
	w.turn++
	every := int(beds.Load())/looks + 1
	for i, h := range hubs {
		inTurn := w.turn%every == i%every
		if !inTurn && !h.news && !unrest {
			continue
		}
		h.news = false
		for _, b := range h.beds {
			if inTurn || !b.looked || slices.ContainsFunc(b.wards, (*ward).isRestless) {
				b.looked = true
				select {
				case b.look <- struct{}{}:
				default: // it was told already
				}
			}
		}
	}
}

// look reports whether the beds of the ward are to look for the dead.
func (w *ward) look() bool {
	if census := w.fence.Census(); census != w.census {
		w.census, w.restless = census, aftershock
	} else if w.restless > 0 {
		w.restless--
	}
	return w.isRestless()
}

func (w *ward) isRestless() bool { return w.restless > 0 }
