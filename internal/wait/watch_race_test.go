package wait

import (
	"context"
	"sync"
	"testing"
	"time"
)

// A slow Fence lets the test hold up its census.
type slow struct {
	asked chan struct{}
	go_   chan struct{}
	pause time.Duration
}

func (s *slow) Barrier() bool { return true }
func (s *slow) Census(time.Duration) uint64 {
	s.asked <- struct{}{}
	<-s.go_
	time.Sleep(s.pause) // orders nothing, for the race detector
	return 1
}

// TestWatchOver has a watch whose beds are gone be held up in its round, while another's
// goes on.
func TestWatchOver(t *testing.T) {
	asleepAtOnce(t)
	sleepsOf(t, time.Hour)
	inHub(t)
	const n = 2 * looks // not all of them are in turn
	sleepOn := func(f Fence) (*watch, func()) {
		ctx, cancel := context.WithCancel(context.Background())
		var words [n]uint32
		var wg sync.WaitGroup
		for i := range words {
			e := NewEvent(&words[i], f)
			wg.Go(func() { _ = e.Await(ctx, func() bool { return false }, func() {}) })
		}
		until(func() bool { return listed() == n })
		dorm.Lock()
		w := watcher
		dorm.Unlock()
		return w, func() { cancel(); wg.Wait() }
	}
	var fences [2]*slow
	var rounds [2]chan struct{}
	var leave [2]func()
	for i := range fences {
		var w *watch
		fences[i] = &slow{make(chan struct{}), make(chan struct{}), time.Duration(i) * 50 * time.Millisecond}
		w, leave[i] = sleepOn(fences[i])
		rounds[i] = make(chan struct{})
		go func() { w.round(); close(rounds[i]) }()
		<-fences[i].asked
		if i == 0 {
			leave[0]()
		}
	}
	// They were told once.
	dorm.Lock()
	for _, h := range hubs {
		for _, b := range h.beds {
			b.looked = true
		}
	}
	dorm.Unlock()
	fences[1].go_ <- struct{}{}
	fences[0].go_ <- struct{}{}
	<-rounds[0]
	<-rounds[1]
	leave[1]()
}

// TestNotItsWards has a watch that is over go round: it leaves the censuses to the other.
func TestNotItsWards(t *testing.T) {
	asleepAtOnce(t)
	sleepsOf(t, time.Hour)
	inHub(t)
	ctx, cancel := context.WithCancel(context.Background())
	var word uint32
	var wg sync.WaitGroup
	m := &mortuary{}
	e := NewEvent(&word, m)
	wg.Go(func() { _ = e.Await(ctx, func() bool { return false }, func() {}) })
	until(func() bool { return listed() == 1 })
	(&watch{}).round()
	if n := m.censuses.Load(); n != 0 {
		t.Errorf("it has taken %d", n)
	}
	cancel()
	wg.Wait()
}
