package wait

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/futex"
)

// A hub is a goroutine, and so a thread, that sleeps in the kernel for many goroutines
// of this process. Who sleeps alone has a thread of its own: that is the fastest. All others
// have a bed in a hub. A thread that sleeps in the kernel keeps its processor (GOMAXPROCS)
// from other goroutines for a while, so that few threads are not only cheaper: with eight,
// goroutines that could run stood still for 50 ms.
//
// States of a bed: came, in the list, out. Only the hub takes it off the list, because
// a word of it has changed, or because it is to leave; and never while the hub is in the kernel.
//
// Invariants
//
//  1. While a hub is in the kernel, it sleeps on all words of its list as they were
//     armed, or its bell has been raised since it read who came and who is to leave. The
//     kernel compares all of them before it sleeps.
//  2. A waker changes the word, then wakes. So the hub learns of each wake when it looks at
//     its words, whichever of them the kernel names, before it sleeps again.
//  3. Who leaves waits until it is out: after that, the kernel holds none of its words,
//     and no wake counts it. See nap.
//  4. A hub ends with its last bed, the watch with the last of all.
//
// Everything is local to this process. The death of another one changes nothing here, but
// may leave a sleeper whom nobody wakes: see watch.
//
// Model: models/hub.pml.
type hub struct {
	bell uint32 // raised after each change of came and gone that the hub has not read yet

	// Guarded by dorm.
	rung  bool   // the bell was raised since came and gone were read
	news  bool   // there are beds that were not told to look yet
	came  []*bed // are to be in the list
	gone  []*bed // are to leave
	beds  []*bed // the list: whose word it is, by word
	taken int    // words of all of them
	keen  int    // beds in the list that are keen

	words []futex.Word // those of the list, then the bell; the hub changes them, with dorm
}

// A bed is one goroutine's place in a hub.
type bed struct {
	hub    *hub
	words  []futex.Word
	wards  []*ward
	keen   bool // of a keen Event
	isOut  bool // guarded by dorm
	looked bool // it was told to look; guarded by dorm

	// told gets false when it is time to look for the dead, unless there is one, and true, last,
	// when the bed is out. Whoever sends has dorm: so there is always room.
	told chan bool
}

// dorm guards all hubs.
var dorm sync.Mutex

var (
	hubs []*hub       // guarded by dorm
	beds atomic.Int32 // in all hubs; dorm guards its changes
)

const (
	// hubWords is how many words a hub sleeps on at most, beside its bell: one less than the
	// kernel takes.
	hubWords = 126

	// A wake takes the longer the more words the kernel has to take from its queues, and to put there
	// again, and more hubs take more threads. So after the first, hubs are narrow until there
	// are many. (Those who answer each other without a pause do so better in one hub: it finds their
	// words changed before it sleeps.)
	narrowWords = 31
	manyHubs    = 32
)

// width returns how many words hub i of n takes.
func width(i, n int) int {
	if 0 < i && n < manyHubs {
		return narrowWords
	}
	return hubWords
}

// threads is how many goroutines sleep on a thread of their own.
var threads atomic.Int32

// maxThreads bounds threads. Where the kernel sleeps on one word, but not on several, a hub
// polls: then it is for what a process cannot have as threads.
var maxThreads = sync.OnceValue(func() int32 {
	if futex.Native() && !futex.NativeAny() {
		return 64
	}
	return 1
})

// takeThread reports whether the caller may sleep on a thread of its own.
func takeThread() bool {
	limit := maxThreads()
	if limit == 1 && beds.Load() > 0 {
		return false
	}
	if threads.Add(1) > limit {
		threads.Add(-1)
		return false
	}
	return true
}

func giveThread() { threads.Add(-1) }

// enter takes a bed for n.
func enter(n *nap) *bed {
	b := &bed{words: n.words, keen: n.keen(), told: make(chan bool, 2)}
	dorm.Lock()
	defer dorm.Unlock()
	i := b.place(hubs)
	if i < 0 {
		i = len(hubs)
		hubs = append(hubs, &hub{})
		defer func() { go b.hub.run() }()
	}
	b.hub = hubs[i]
	n.eachFence(b.admit)
	b.hub.came = append(b.hub.came, b)
	b.hub.taken += len(b.words)
	if beds.Add(1) == 1 {
		startWatch()
	}
	b.hub.ring()
	return b
}

// place returns which of some hubs has room for the bed, or -1.
func (b *bed) place(in []*hub) int {
	for i, h := range in {
		if h.taken+len(b.words) <= width(i, len(in)) {
			return i
		}
	}
	return -1
}

// leave takes the bed off the list.
func (b *bed) leave() {
	dorm.Lock()
	if !b.isOut {
		b.hub.gone = append(b.hub.gone, b)
		b.hub.ring()
	}
	dorm.Unlock()
	for !<-b.told {
	}
}

// ring makes the hub read who came and who is to leave.
func (h *hub) ring() {
	if !h.rung {
		h.rung = true
		atomic.AddUint32(&h.bell, 1)
		futex.Wake(&h.bell, 1)
	}
}

func (h *hub) run() {
	for h.turn() {
		// Those who are out go first: while this goroutine is in the kernel, its processor
		// is nobody else's for a while.
		runtime.Gosched()
		if slices.ContainsFunc(h.words, changed) {
			continue // the kernel would have to queue it at many words, to name one of them
		}
		if _, err := futex.WaitAny(context.Background(), h.words); err != nil {
			_ = pause(context.Background(), poll)
		}
	}
}

// turn takes off the list all beds whose word has changed, and whoever is to leave, and adds
// who came. It reports whether anybody is in the list.
func (h *hub) turn() bool {
	dorm.Lock()
	defer dorm.Unlock()
	h.rung = false
	bell := futex.Word{Addr: &h.bell, Old: atomic.LoadUint32(&h.bell)}
	h.words = h.words[:len(h.beds)] // without the bell
	for i := len(h.beds) - 1; i >= 0; i = min(i, len(h.beds)) - 1 {
		if changed(h.words[i]) {
			h.remove(h.beds[i])
		}
	}
	h.news = h.news || len(h.came) > 0
	for _, b := range h.came {
		if b.keen {
			h.keen++
		}
		for _, w := range b.words {
			h.beds, h.words = append(h.beds, b), append(h.words, w)
		}
	}
	for _, b := range h.gone {
		if !b.isOut {
			h.remove(b)
		}
	}
	clear(h.came)
	clear(h.gone)
	h.came, h.gone = h.came[:0], h.gone[:0]
	h.words = append(h.words, bell) // last: a word that has changed goes before it
	if len(h.beds) > 0 {
		return true
	}
	hubs = slices.DeleteFunc(hubs, func(other *hub) bool { return other == h })
	return false
}

// remove takes a bed off the list.
func (h *hub) remove(b *bed) {
	i, n := slices.Index(h.beds, b), len(b.words)
	h.beds = slices.Delete(h.beds, i, i+n)
	h.words = slices.Delete(h.words, i, i+n)
	h.taken -= n
	if b.keen {
		h.keen--
	}
	b.discharge()
	if beds.Add(-1) == 0 {
		stopWatch()
	}
	b.isOut = true
	b.told <- true
}

// changed reports whether a word differs from what was armed.
func changed(w futex.Word) bool { return atomic.LoadUint32(w.Addr) != w.Old }
