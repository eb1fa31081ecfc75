package wait

import (
	"maps"
	"slices"
	"time"
)

// If all those who sleep looked for the dead after each Slice, ten thousand would need a whole
// processor for it, and a single one a percent: a thread that comes back from the kernel wakes
// others of the Go runtime, which take 20 times as long as the look. So they are told when to
// look. The watch, a goroutine that is there while there are beds, does that: again and again, it
// asks each segment whether a process has died (Census). It tells
//
//   - a bed once, at the first round after it was taken: whoever died before that may not
//     be news any more;
//   - all beds of a ward, for some Slices after a death: what it has left may be out of
//     reach at first;
//   - keen beds at every Slice, as long as they are not too many: of locks and permits, whose
//     order depends on looks, and of rings that report the death of peers;
//   - a bed whose word has changed although nobody has woken it, at the round at which it looks
//     at that word: a waker may have died, or have made way for a repair. It looks at all the
//     words of one hub, and if there are many hubs, at a quarter of one's: of many
//     words, each lies in a page that is in no cache;
//   - all others in turn, a few at each round, for the sake of wakers that were stopped
//     before their wake.
//
// A round comes a Slice after the last if it has told keen beds or those of a death, and
// otherwise after a long Slice. Who sleeps on a thread of its own keeps the same order by
// itself: see vigil.
type watch struct {
	stop chan struct{}
	turn int // rounds since it began
}

// A ward is a segment, as seen from the beds of those who wait there.
type ward struct {
	fence    Fence
	beds     int    // guarded by dorm
	census   uint64 // at the last round; of the watch only
	restless int    // rounds left in which its beds are to look; likewise
}

// Guarded by dorm.
var (
	wards   = map[Fence]*ward{}
	watcher *watch
)

const (
	looks      = 10 // beds that look in their turn, at each round
	lookGap    = 8  // rounds between two such looks of one bed, at least
	keenLooks  = 40 // keen beds that look at each round
	aftershock = 5  // rounds after a death in which the beds of its ward look
	quarters   = 4  // rounds for the words of a hub, if there are many hubs
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
	t := time.NewTimer(Slice())
	defer t.Stop()
	for {
		select {
		case <-t.C:
			t.Reset(w.round())
		case <-w.stop:
			return
		}
	}
}

// round is what the watch does again and again. It returns the time until the next.
func (w *watch) round() time.Duration {
	dorm.Lock()
	all := slices.Collect(maps.Values(wards))
	over := watcher != w
	dorm.Unlock()
	if over { // the wards are another's
		return Slice()
	}
	unrest := false
	for _, ward := range all {
		unrest = ward.look() || unrest
	}
	dorm.Lock()
	defer dorm.Unlock()
	if watcher != w { // since then: what it has seen is of nobody, and restless another's
		return Slice()
	}
	w.turn++
	keen := 0
	for _, h := range hubs {
		keen += h.keen
	}
	every, everyKeen := max(int(beds.Load())/looks+1, lookGap), keen/keenLooks+1
	parts := 1
	if len(hubs) >= manyHubs {
		parts = quarters
	}
	for i, h := range hubs {
		due := func(every int) bool { return w.turn%every == i%every }
		var words span
		if n, part := len(h.beds), w.turn%parts; w.turn/parts%len(hubs) == i {
			words = span{n * part / parts, n * (part + 1) / parts}
		}
		h.tell(due(every), due(everyKeen), unrest, words)
	}
	if n := len(hubs) - 1; n > 0 {
		homeless := func(b *bed) bool { return b.place(hubs[:n]) < 0 }
		if free(hubs[:n]) >= hubs[n].taken+hubWords && !slices.ContainsFunc(hubs[n].beds, homeless) {
			hubs[n].clear()
		}
	}
	if unrest || keen > 0 {
		return Slice()
	}
	return long()
}

// free returns how many more words have a place in these hubs.
func free(hubs []*hub) (n int) {
	for i, h := range hubs {
		n += max(0, width(i, len(hubs))-h.taken)
	}
	return n
}

// clear puts out whoever is in the list: there is room for them in other hubs, and so for a
// thread less.
func (h *hub) clear() {
	h.gone = append(h.gone, h.beds...)
	h.ring()
}

// A span is a part of a hub's words.
type span struct{ from, to int }

func (s span) has(i int) bool { return s.from <= i && i < s.to }

// tell tells those of the hub's beds to look for the dead who are to: all of them, or the keen
// ones, or those whose words have changed, of a part. Mostly it only goes through these words, and
// touches no bed.
func (h *hub) tell(inTurn, keen, unrest bool, words span) {
	keen = keen && h.keen > 0
	others := inTurn || h.news || unrest || keen
	if !others && words == (span{}) {
		return
	}
	h.news = false
	for i, b := range h.beds {
		if inTurn || words.has(i) && changed(h.words[i]) || others && b.isDue(keen) {
			b.looked = true
			if len(b.told) == 0 {
				b.told <- false
			}
		}
	}
}

// isDue reports whether the bed is to look out of its turn.
func (b *bed) isDue(keen bool) bool {
	return !b.looked || keen && b.keen || slices.ContainsFunc(b.wards, (*ward).isRestless)
}

// look reports whether the beds of the ward are to look for the dead.
func (w *ward) look() bool {
	if census := w.fence.Census(censusAge()); census != w.census {
		w.census, w.restless = census, aftershock
	} else if w.restless > 0 {
		w.restless--
	}
	return w.isRestless()
}

func (w *ward) isRestless() bool { return w.restless > 0 }

// A vigil is the watch of one who has no bed. A round is at the end of each of its sleeps that
// nobody has ended.
type vigil struct {
	wards []ward
	turn  int
}

// due reports whether n, whose vigil it is, is to look for the dead at the end of a sleep: also
// after a wake in vain, since when turn is 0, or if its word has changed.
func (v *vigil) due(n *nap) bool {
	if v.turn == 0 {
		n.eachFence(func(f Fence) {
			if !slices.ContainsFunc(v.wards, func(w ward) bool { return w.fence == f }) {
				v.wards = append(v.wards, ward{fence: f})
			}
		})
	}
	unrest := false
	for i := range v.wards {
		unrest = v.wards[i].look() || unrest
	}
	v.turn++
	return unrest || n.keen() || v.turn%lookGap == 1 || slices.ContainsFunc(n.words, changed)
}
