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
//   - keen beds at every Slice, as long as they are not too many: of locks and permits, whose
//     order depends on looks, and of rings that report the death of peers;
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
	looks      = 10 // beds that look in their turn, at each Slice
	keenLooks  = 40 // keen beds that do
	aftershock = 5  // Slices after a death in which the beds of its ward look
)

// admit has the bed be in the ward of a Fence.
func (b *bed) admit(f Fence) {
	w := wards[f]
	if w == nil {
		w = &ward{fence: f}
		wards[f] = w
	}
	if !slices.Contains(b.wards, w) {
		b.wards = append(b.wards, w)
		w.beds++
	}
}

// discharge is for a bed that is out.
func (b *bed) discharge() {
	for _, w := range b.wards {
		if w.beds--; w.beds == 0 {
			delete(wards, w.fence)
		}
	}
}

func startWatch() {
	watcher = &watch{stop: make(chan struct{})}
	go watcher.run()
}

func stopWatch() {
	close(watcher.stop)
	watcher = nil
}

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
	over := watcher != w
	dorm.Unlock()
	if over { // the wards are another's
		return
	}
	unrest := false
	for _, ward := range all {
		unrest = ward.look() || unrest
	}
	dorm.Lock()
	defer dorm.Unlock()
	if watcher != w { // since then: what it has seen is of nobody, and restless another's
		return
	}
	w.turn++
	keen := 0
	for _, h := range hubs {
		keen += h.keen
	}
	every, everyKeen := int(beds.Load())/looks+1, keen/keenLooks+1
	for i, h := range hubs {
		h.tell(w.turn%every == i%every, w.turn%everyKeen == i%everyKeen, unrest)
	}
	if n := len(hubs) - 1; n > 0 {
		homeless := func(b *bed) bool { return b.place(hubs[:n]) < 0 }
		if free := n*hubWords - taken(hubs[:n]); free >= hubs[n].taken+hubWords && !slices.ContainsFunc(hubs[n].beds, homeless) {
			hubs[n].clear()
		}
	}
}

// taken returns how many words have a place in these hubs.
func taken(hubs []*hub) (n int) {
	for _, h := range hubs {
		n += h.taken
	}
	return n
}

// clear puts out whoever is in the list: there is room for them in other hubs, and so for a
// thread less.
func (h *hub) clear() {
	h.gone = append(h.gone, h.beds...)
	h.ring()
}

// tell tells those of the hub's beds to look for the dead who are to: all of them, or the keen
// ones, if it is the hub's turn.
func (h *hub) tell(inTurn, keen, unrest bool) {
	keen = keen && h.keen > 0
	if !inTurn && !h.news && !unrest && !keen {
		return
	}
	h.news = false
	for _, b := range h.beds {
		if inTurn || !b.looked || keen && b.keen || slices.ContainsFunc(b.wards, (*ward).isRestless) {
			b.looked = true
			select {
			case b.look <- struct{}{}:
			default: // it was told already
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
