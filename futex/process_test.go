//go:build unix

package futex_test

import (
	"context"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/futex"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

// set changes a word, as a waker does.
func set(addr *uint32, value uint32, n int) {
	atomic.StoreUint32(addr, value)
	futex.Wake(addr, n)
}

// await waits as long as a word has a value.
func await(ctx context.Context, addr *uint32, old uint32) error {
	for atomic.LoadUint32(addr) == old {
		if err := futex.Wait(ctx, addr, old); err != nil {
			return err
		}
	}
	return nil
}

var _ = proctest.Register("pong", func(c *proctest.Child) {
	words := mapWords(c, c.Arg(0))
	ctx, cancel := contextOf(c.Arg(1))
	defer cancel()
	rounds, err := strconv.ParseUint(c.Arg(2), 10, 32)
	c.Check(err)
	for i := range uint32(rounds) {
		c.Check(await(ctx, &words[0], i))
		set(&words[1], i+1, 1)
	}
})

// TestPingPong lets two processes take turns, each asleep while it is the other's:
// one wake that were lost would end it.
func TestPingPong(t *testing.T) {
	eachMode(t, func(t *testing.T) {
		for _, kind := range contextKinds {
			for _, procs := range []int{1, 2} {
				t.Run(kind+"/GOMAXPROCS="+strconv.Itoa(procs), func(t *testing.T) {
					rounds := uint32(2000)
					if os.Getenv(envMode) == "poll" {
						rounds = 200
					}
					path := sharedFile(t)
					words := mapWords(t, path)
					env := &proctest.Options{Env: []string{"GOMAXPROCS=" + strconv.Itoa(procs)}}
					p := proctest.StartWith(t, env, "pong", path, kind, strconv.Itoa(int(rounds)))
					ping := proctest.Go(func() error {
						for i := range rounds {
							set(&words[0], i+1, 1)
							if err := await(background, &words[1], i); err != nil {
								return err
							}
						}
						return nil
					})
					if err := proctest.Result(t, ping); err != nil {
						t.Error(err)
					}
					p.Wait()
				})
			}
		}
	})
}

// TestStoppedWaiter suspends a process that sleeps, and wakes it meanwhile.
func TestStoppedWaiter(t *testing.T) {
	eachMode(t, func(t *testing.T) {
		for _, kind := range contextKinds {
			path := sharedFile(t)
			words := mapWords(t, path)
			p := proctest.Start(t, "pong", path, kind, "2")
			wakeSleeper(t, &words[0])
			p.Stop()
			p.Continue()
			wakeSleeper(t, &words[0])
			for round := range uint32(2) {
				p.Stop()
				set(&words[0], round+1, 1)
				p.Continue()
				pong := proctest.Go(func() error { return await(background, &words[1], round) })
				if err := proctest.Result(t, pong); err != nil {
					t.Error(err)
				}
			}
			p.Wait()
		}
	})
}

const (
	tokens    = 0       // word: how many tokens there are to take, or closed
	taken     = 1       // word: how many were taken
	closed    = 1 << 31 // there will be no more
	consumers = 3       // processes
)

// A consumer's goroutines wait for tokens, some of them with contexts that keep
// running out.
var _ = proctest.Register("consumer", func(c *proctest.Child) {
	words := mapWords(c, c.Arg(0))
	impatient := proctest.Go(func() error { return consume(words, 50*time.Microsecond) })
	patient := proctest.Go(func() error { return consume(words, time.Hour) })
	c.Send("ready")
	c.Check(<-impatient)
	c.Check(<-patient)
})

func consume(words *[sharedWords]uint32, patience time.Duration) error {
	for {
		switch v := atomic.LoadUint32(&words[tokens]); v {
		case closed:
			return nil
		case 0:
			ctx, cancel := context.WithTimeout(background, patience)
			err := futex.Wait(ctx, &words[tokens], 0)
			cancel()
			if err != nil && err != context.DeadlineExceeded {
				return err
			}
		default:
			if atomic.CompareAndSwapUint32(&words[tokens], v, v-1) {
				atomic.AddUint32(&words[taken], 1)
				futex.Wake(&words[taken], 1)
			}
		}
	}
}

// TestNoWakeLost hands out tokens, each with a single wake, and waits until they
// are taken before it hands out more.
func TestNoWakeLost(t *testing.T) {
	eachMode(t, func(t *testing.T) {
		path := sharedFile(t)
		words := mapWords(t, path)
		var procs []*proctest.Proc
		for range consumers {
			procs = append(procs, proctest.Start(t, "consumer", path))
		}
		for _, p := range procs {
			p.Expect("ready")
		}
		handOut := proctest.Go(func() error {
			sum := uint32(0)
			for i := range uint32(300) {
				burst := 1 + i%(2*consumers+1)
				for range burst {
					atomic.AddUint32(&words[tokens], 1)
					futex.Wake(&words[tokens], 1)
				}
				sum += burst
				for v := uint32(0); v != sum; v = atomic.LoadUint32(&words[taken]) {
					if err := await(background, &words[taken], v); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err := proctest.Result(t, handOut); err != nil {
			t.Error(err)
		}
		set(&words[tokens], closed, 2*consumers)
		for _, p := range procs {
			p.Wait()
		}
	})
}

var _ = proctest.Register("canceller", func(c *proctest.Child) {
	words := mapWords(c, c.Arg(0))
	ctx, cancel := context.WithCancel(background)
	called := make(chan time.Time, 1)
	go func() {
		c.Expect("cancel")
		called <- time.Now()
		cancel()
	}()
	err := await(ctx, &words[0], 0)
	c.Send(err)
	c.Send(time.Since(<-called))
})

// TestCancelIsPrompt cancels a wait that has lasted for a while.
func TestCancelIsPrompt(t *testing.T) {
	const prompt = time.Second // in fact 10 ms at most; the rest is for slow machines
	eachMode(t, func(t *testing.T) {
		path := sharedFile(t)
		words := mapWords(t, path)
		p := proctest.Start(t, "canceller", path)
		wakeSleeper(t, &words[0])
		p.Send("cancel")
		p.Expect(context.Canceled)
		took, err := time.ParseDuration(p.Recv())
		if err != nil || took > prompt {
			t.Errorf("cancellation took %v, %v", took, err)
		}
		p.Wait()
	})
}
