package wait

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/futex"
)

// An outsider is a sleeper of another process, which comes behind those who sleep already. It
// receives whether it is woken.
func outsider(word *uint32) <-chan bool {
	e := NewEvent(word, &mortuary{})
	seen := e.arm()
	woken := make(chan bool, 1)
	go func() { woken <- futex.WaitUntil(context.Background(), word, seen, time.Now().Add(time.Minute)) == nil }()
	time.Sleep(2 * time.Millisecond) // it may sleep by then, or not
	return woken
}

// item is what sleepers wait for, one of it.
type item struct {
	word uint32
	n    atomic.Int32
}

func (i *item) take() bool {
	n := i.n.Load()
	return n > 0 && i.n.CompareAndSwap(n, n-1)
}

func (i *item) waitCase(e *Event) Case { return NewCase(e, i.take, func() {}, nil) }

// inHub has somebody sleep on a thread, so that whoever comes then has to go to a hub.
func inHub(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	var word uint32
	e := NewEvent(&word, &mortuary{})
	go func() { defer close(done); _ = e.Await(ctx, func() bool { return false }, func() {}) }()
	until(func() bool { return threads.Load() == 1 })
	t.Cleanup(func() { cancel(); <-done })
}

// eachBed runs a test with a thread for the sleeper, and with a bed.
func eachBed(t *testing.T, test func(t *testing.T)) {
	asleepAtOnce(t)
	sleepsOf(t, time.Minute)
	t.Run("thread", test)
	t.Run("hub", func(t *testing.T) { inHub(t); test(t) })
}

// TestAnyPassesOn wakes one who waits for several things by the wake for one, and lets it
// have another.
func TestAnyPassesOn(t *testing.T) {
	eachBed(t, func(t *testing.T) {
		for range 10 {
			var a, b item
			var died atomic.Bool
			fence := &mortuary{}
			ea, eb := NewEvent(&a.word, fence), NewEvent(&b.word, fence)
			for _, other := range []Case{a.waitCase(&ea), NewLook(fence, died.Load, nil)} {
				a.n.Store(0)
				died.Store(false)
				chosen := make(chan int, 1)
				go func() { i, _ := Any(context.Background(), []Case{other, b.waitCase(&eb)}); chosen <- i }()
				until(eb.Waiting)
				time.Sleep(2 * time.Millisecond)
				woken := outsider(&b.word)
				a.n.Store(1)
				died.Store(true)
				b.n.Store(1)
				eb.Notify(1)
				var i int
				for waits := true; waits; {
					select {
					case i = <-chosen:
						waits = false
					case <-time.After(time.Second): // it came behind the outsider, who was woken then
						eb.Notify(1)
					}
				}
				if i == 0 && !<-woken {
					t.Fatal("a wake that was not used was not passed on")
				}
				if i == 1 {
					eb.Notify(Everybody)
					<-woken
				}
				b.n.Store(0)
			}
		}
	})
}

// TestAnyCountsOnce has two cases of one word: a wake of two is for two who sleep.
func TestAnyCountsOnce(t *testing.T) {
	eachBed(t, func(t *testing.T) {
		var a item
		e := NewEvent(&a.word, &mortuary{})
		chosen := make(chan int, 1)
		go func() { i, _ := Any(context.Background(), []Case{a.waitCase(&e), a.waitCase(&e)}); chosen <- i }()
		until(e.Waiting)
		time.Sleep(2 * time.Millisecond)
		woken := outsider(&a.word)
		a.n.Store(2)
		e.Notify(2)
		if <-chosen; !<-woken {
			t.Error("of two wakes, the sleeper took both, and used one")
		}
	})
}

// TestAnyArmsAgain has a wake come to a sleeper in a hub right after it has looked in vain. By
// the time that it takes notice there is something else.
func TestAnyArmsAgain(t *testing.T) {
	asleepAtOnce(t)
	sleepsOf(t, time.Minute)
	inHub(t)
	var a, b item
	fence := &mortuary{}
	ea, eb := NewEvent(&a.word, fence), NewEvent(&b.word, fence)
	var woken <-chan bool
	n := nap{fences: []Fence{fence}}
	try := func() bool {
		switch {
		case a.take():
			n.used = &ea
		case b.take():
			n.used = &eb
		case n.bed != nil && woken == nil:
			woken = outsider(&b.word)
			b.n.Store(1)
			eb.Notify(1)
			a.n.Store(1) // whose wake is still to come
			return false
		default:
			return false
		}
		return true
	}
	go func() {
		until(func() bool { return listed() == 2 })
		dorm.Lock()
		w := watcher
		dorm.Unlock()
		w.round() // it looks
	}()
	events := []*Event{&ea, &eb}
	if err := n.sleep(context.Background(), func() []*Event { return events }, try, func() {}); err != nil {
		t.Error(err)
	}
	if n.used == &ea && !<-woken {
		t.Error("a wake that was not used was not passed on")
	}
}

// TestAnyFinds has what a look for the dead finds, and takes, come together with something
// else.
func TestAnyFinds(t *testing.T) {
	asleepAtOnce(t)
	for range 20 {
		var words [2]uint32
		fence := &mortuary{}
		ea, eb := NewEvent(&words[0], fence), NewEvent(&words[1], fence)
		found := false
		i, err := Any(context.Background(), []Case{
			NewCase(&ea, func() bool { return found }, func() { found = true }, nil),
			NewCase(&eb, func() bool { return found }, func() {}, nil),
		})
		if i != 0 || err != nil {
			t.Fatalf("found something for case 0, and went on by case %d, %v", i, err)
		}
	}
}

// TestLeaveWaits leaves a hub that is in the kernel.
func TestLeaveWaits(t *testing.T) {
	h := &hub{}
	var word uint32
	b := &bed{hub: h, words: []futex.Word{{Addr: &word}}, told: make(chan bool, 2)}
	dorm.Lock()
	beds.Add(1)
	startWatch()
	h.came, h.taken = []*bed{b}, 1
	dorm.Unlock()
	h.turn()
	left := make(chan struct{})
	go func() { b.leave(); close(left) }()
	until(func() bool { dorm.Lock(); defer dorm.Unlock(); return len(h.gone) == 1 })
	for range 100 {
		runtime.Gosched()
	}
	select {
	case <-left:
		t.Error("out while the kernel may still hold its word")
	default:
	}
	if h.turn() {
		t.Error("the hub goes on without anybody")
	}
	<-left
}
