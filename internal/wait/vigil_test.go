package wait

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/futex"
)

// TestPromise adds up after what time a death is found, at most: a census may be a bit older
// than the death, and the next one is taken after a sleep.
func TestPromise(t *testing.T) {
	if found := long() + censusAge(); found > 40*time.Millisecond {
		t.Errorf("a death may be found after %v only", found)
	}
}

// TestVigil has one who sleeps on a thread of its own look for the dead at the end of its
// first sleep, after deaths in each of the segments, and in its turn.
func TestVigil(t *testing.T) {
	var words [2]uint32
	fences := [3]*mortuary{{}, {}, {}}
	a, b := NewEvent(&words[0], fences[0]), NewEvent(&words[1], fences[1])
	n := nap{events: []*Event{&a, &b}, fences: []Fence{fences[1], fences[2]}}
	turn := 0
	expect := func(what string, times int, look bool) {
		t.Helper()
		for range times {
			inTurn := turn%lookGap == 0
			if turn++; n.vigil.due(&n) != (look || inTurn) {
				t.Errorf("%s, turn %d: expected a look: %v", what, turn, look || inTurn)
			}
		}
	}
	expect("nobody dies", 3*lookGap, false)
	n.words = []futex.Word{{Addr: &words[0]}, {Addr: &words[1], Old: 1}}
	expect("a word has changed", 2*lookGap, true)
	n.words[1].Old = 0
	for _, f := range fences {
		f.deaths.Add(1)
		expect("somebody has died", aftershock, true)
		expect("for a while nobody has died", 2*lookGap, false)
	}
	fences[0].deaths.Add(1)
	fences[2].deaths.Add(1)
	expect("two have died at once", aftershock, true)
	expect("for a while nobody has died", 2*lookGap, false)
	b.Keen()
	expect("keen", 2*lookGap, true)
}

// TestKeenRounds has keen beds, and so a round at each Slice.
func TestKeenRounds(t *testing.T) {
	asleepAtOnce(t)
	sleepsOf(t, time.Hour)
	inHub(t)
	for _, keen := range []bool{false, true} {
		ctx, cancel := context.WithCancel(context.Background())
		var word uint32
		e := NewEvent(&word, &mortuary{})
		pause := long()
		if keen {
			e.Keen()
			pause = Slice()
		}
		var wg sync.WaitGroup
		wg.Go(func() { _ = e.Await(ctx, func() bool { return false }, func() {}) })
		until(func() bool { return listed() == 1 })
		dorm.Lock()
		w := watcher
		dorm.Unlock()
		if got := w.round(); got != pause {
			t.Errorf("keen %v: the next round is after %v", keen, got)
		}
		cancel()
		wg.Wait()
	}
}

// TestRare has a single bed, and many rounds: it is told in its turn, which is not often.
func TestRare(t *testing.T) {
	h, w := &hub{}, &watch{stop: make(chan struct{})}
	b := &bed{hub: h, words: []futex.Word{{Addr: new(uint32)}}, looked: true, told: make(chan bool, 2)}
	dorm.Lock()
	watcher, hubs = w, []*hub{h}
	h.came, h.taken = []*bed{b}, 1
	beds.Add(1)
	dorm.Unlock()
	h.turn()
	h.news = false
	told := 0
	for range 3 * lookGap {
		w.round()
		select {
		case <-b.told:
			told++
		default:
		}
	}
	if told != 3 {
		t.Errorf("told %d times in %d rounds", told, 3*lookGap)
	}
	*b.words[0].Addr = 1
	w.round()
	if len(b.told) != 1 {
		t.Error("the word has changed, and nobody looks")
	}
	dorm.Lock()
	h.gone = []*bed{b}
	dorm.Unlock()
	h.turn()
}

// TestWordsInTurn has the words of several hubs change, though nobody wakes their beds: each is told
// within the rounds that it takes to look at all words.
func TestWordsInTurn(t *testing.T) {
	const n, size = manyHubs, 2*quarters + 1 // it cannot be cut into equal parts
	w := &watch{stop: make(chan struct{})}
	dorm.Lock()
	watcher, hubs = w, nil
	for range n {
		h := &hub{taken: size}
		for range h.taken {
			b := &bed{hub: h, words: []futex.Word{{Addr: new(uint32), Old: 1}}, looked: true, told: make(chan bool, 2)}
			h.came = append(h.came, b)
			beds.Add(1)
		}
		hubs = append(hubs, h)
	}
	all := slices.Clone(hubs)
	dorm.Unlock()
	for _, h := range all {
		h.turn()
		h.news = false
	}
	beds.Add(10000) // so that it is nobody's turn soon
	defer beds.Add(-10000)
	w.turn = n * quarters
	told := func() (k int) {
		for _, h := range all {
			for _, b := range h.beds {
				k += len(b.told)
			}
		}
		return k
	}
	for round, before := 0, 0; round < n*quarters; round++ {
		w.round()
		k := told()
		if k < before+size/quarters || k > before+size/quarters+1 {
			t.Errorf("round %d: %d beds of %d are told", round, k-before, size)
		}
		before = k
	}
	if k := told(); k != n*size {
		t.Errorf("after all rounds, %d beds are told", k)
	}
	for _, h := range all {
		dorm.Lock()
		h.gone = slices.Clone(h.beds)
		dorm.Unlock()
		h.turn()
	}
	dorm.Lock()
	watcher = nil // which beds that were not the last have left
	dorm.Unlock()
}

// TestArmsOnce has one sleep on and on, whose word nobody changes: it runs one fence. After a
// change it runs another.
func TestArmsOnce(t *testing.T) {
	asleepAtOnce(t)
	sleepsOf(t, time.Millisecond)
	h := &hooked{}
	e := NewEvent(&h.word, h)
	looks := 0
	if err := e.Await(context.Background(), func() bool { return looks == 4 }, func() {
		if looks++; looks == 2 {
			e.Notify(Everybody)
		}
	}); err != nil {
		t.Error(err)
	}
	if h.barriers != 2 {
		t.Errorf("%d fences", h.barriers)
	}
}

// TestVain has one be woken in vain after long sleeps: it looks at its next bound.
func TestVain(t *testing.T) {
	asleepAtOnce(t)
	sleepsOf(t, 2*time.Millisecond)
	m := &mortuary{}
	var word uint32
	e := NewEvent(&word, m)
	looks := make(chan uint64, 1000) // the census of each, since the test may come late
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = e.Await(ctx, func() bool { return false }, func() { looks <- m.censuses.Load() })
	})
	for range 3 { // it has come to rest, and looks in its turn
		<-looks
	}
	for range 5 {
		for <-looks; len(looks) > 0; {
			<-looks
		}
		e.Notify(Everybody)
		before := m.censuses.Load()
		if n := int64(<-looks - before); n > lookGap/2 {
			t.Errorf("it has looked after %d sleeps only", n)
		}
	}
	cancel()
	wg.Wait()
}
