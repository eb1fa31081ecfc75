package process_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/process"
)

// A worker is killed at each of its steps, once for each of two tries: what it had not begun is
// run, what it had begun is reported or run again, and what it had sent counts.
func TestPoolKilledAtStep(t *testing.T) {
	const n, times = 40, 2
	for step, lost := range map[int]bool{
		process.StepTaken: false, process.StepBegun: true, process.StepRan: true,
		process.StepSent: false, process.StepAcked: false,
	} {
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			proctest.Mortal(t)
			p := newRig(t, rig{Step: step, Times: times}, process.PoolOptions{})
			var once, again [n]*process.Result[int64]
			for i := range once {
				once[i] = count.Go(t.Context(), p, int64(i))
			}
			died := 0
			for i, r := range once {
				v, err := result(t, r)
				if err != nil {
					wantDied(t, err, 1)
					died++
				} else if v != int64(i) {
					t.Errorf("%d: %d", i, v)
				}
				if k := board.Load(atBegins + i); k > 1 || err == nil && k != 1 {
					t.Errorf("%d has begun %d times, with %v", i, k, err)
				}
			}
			expected := 0
			if lost {
				expected = times
			}
			if died != expected {
				t.Errorf("%d tasks have died, expected %d", died, expected)
			}
			board.Store(atKills, 0)
			for i := range again {
				again[i] = countAgain.Go(t.Context(), p, int64(n+i))
			}
			for i, r := range again {
				want(t, r, int64(n+i))
			}
		})
	}
}

// What a worker has sent counts, also if it is read after its end.
func TestPoolReceivedLate(t *testing.T) {
	proctest.Mortal(t)
	process.ReceiveLate(t)
	p := newRig(t, rig{Step: process.StepAcked}, process.PoolOptions{Workers: 1})
	for i := range int64(3) {
		want(t, count.Go(t.Context(), p, i), i)
	}
}

// Death while the argument is on its way.
func TestPoolKilledWhileFetching(t *testing.T) {
	proctest.Mortal(t)
	large := make([]byte, 4<<20)
	p := newRig(t, rig{Step: process.StepAsking, Times: 2}, process.PoolOptions{})
	if v, err := result(t, echo.bytes.Go(t.Context(), p, large)); len(v) != len(large) || err != nil {
		t.Errorf("%d bytes, %v", len(v), err)
	}
	board.Store(atKills, -1000) // from now on, always
	_, err := result(t, echo.bytes.Go(t.Context(), p, large))
	proctest.WantError(t, "argument that is never there", err, process.ErrPoison)
	wantDied(t, err, 3)
	want(t, square.Go(t.Context(), p, 3), 9)
}

// Segments with names are removed.
func TestPoolNamed(t *testing.T) {
	proctest.Mortal(t)
	process.SetNamed(t)
	p := newRig(t, rig{}, process.PoolOptions{MaxAttempts: 2})
	want(t, square.Go(t.Context(), p, 3), 9)
	_, err := result(t, endAgain.Go(t.Context(), p, "kill"))
	wantDied(t, err, 2)
	want(t, square.Go(t.Context(), p, 3), 9)
}

// Each way to end a worker in a task is the death of it, and of no other task.
func TestPoolEndsInTask(t *testing.T) {
	proctest.Mortal(t)
	p := newRig(t, rig{}, process.PoolOptions{MaxAttempts: 2})
	for how, code := range map[string]int{"kill": -1, "exit 0": 0, "exit 3": 3, "crash": 2} {
		others := [4]*process.Result[int64]{}
		for i := range others {
			others[i] = square.Go(t.Context(), p, int64(i))
		}
		before := board.Load(atSeen)
		_, err := result(t, end.Go(t.Context(), p, how))
		died := wantDied(t, err, 1)
		if errors.Is(err, process.ErrPoison) {
			t.Errorf("%s: %v", how, err)
		}
		if how == "kill" && !wasKilled(died.State) || how != "kill" && died.State.ExitCode() != code {
			t.Errorf("%s: worker has ended by %v", how, died.State)
		}
		switch how {
		case "exit 3":
			proctest.WantText(t, how, died.Stderr, "ends by 3")
		case "crash":
			proctest.WantText(t, how, died.Stderr, "in another goroutine", "endIn")
		}
		_, err = result(t, endAgain.Go(t.Context(), p, how))
		proctest.WantError(t, how, err, process.ErrPoison)
		wantDied(t, err, 2)
		if n := board.Load(atSeen) - before; n != 3 {
			t.Errorf("%s: begun %d times, expected 1 and 2", how, n)
		}
		for i, r := range others {
			want(t, r, int64(i*i))
		}
	}
}

// Workers that cannot start break the pool, and all that it is asked for.
func TestPoolBroken(t *testing.T) {
	process.SetFirstPause(t)
	for _, how := range []string{"error", "exit", "kill", "goexit", "panic"} {
		t.Run(how, func(t *testing.T) {
			proctest.Mortal(t)
			p := newRig(t, rig{Fail: 1 << 30, How: how}, process.PoolOptions{})
			r := square.Go(t.Context(), p, 3)
			_, err := result(t, r)
			proctest.WantError(t, "task", err, process.ErrBroken)
			died := wantDied(t, err, 0)
			switch how {
			case "error":
				proctest.WantText(t, how, err.Error(), "init: no luck")
			case "exit":
				proctest.WantText(t, how, died.Stderr, "no luck today")
			case "kill":
				if !wasKilled(died.State) {
					t.Error(died.State)
				}
			}
			_, err = square.Call(t.Context(), p, 3)
			proctest.WantError(t, "task of a broken pool", err, process.ErrBroken)
			for _, err = range square.Map(t.Context(), p, numbers(1000)) {
			}
			proctest.WantError(t, "Map of a broken pool", err, process.ErrBroken)
			proctest.WantError(t, "Close of a broken pool", proctest.Result(t, proctest.Go(p.Close)), process.ErrBroken)
		})
	}
}

// Those that were ready once do not count for ever.
func TestPoolBrokenLater(t *testing.T) {
	proctest.Mortal(t)
	process.SetFirstPause(t)
	p := newRig(t, rig{After: 2, How: "exit"}, process.PoolOptions{})
	for range 2 {
		end.Call(t.Context(), p, "kill")
	}
	_, err := result(t, square.Go(t.Context(), p, 3))
	proctest.WantError(t, "task", err, process.ErrBroken)
}

// Some failures to start are made up for.
func TestPoolStartsAgain(t *testing.T) {
	proctest.Mortal(t)
	process.SetFirstPause(t)
	p := newRig(t, rig{Fail: 6, How: "exit"}, process.PoolOptions{Workers: 1})
	want(t, square.Go(t.Context(), p, 3), 9)
	if n := board.Load(atStarts); n != 7 {
		t.Errorf("%d workers have started", n)
	}
}

// What cannot be passed is an error of its task, and of no worker.
func TestPoolEncoding(t *testing.T) {
	ctx := t.Context()
	p := newPool(t, ctx, &process.PoolOptions{Workers: 1})
	worker := proctest.Must(pid.Call(ctx, p, struct{}{}))(t)
	_, err := wantsFunc.Call(ctx, p, struct{ F func() }{func() {}})
	proctest.WantError(t, "argument", err, process.ErrEncoding, "argument of type struct { F func() }")
	_, err = givesChan.Call(ctx, p, 1)
	proctest.WantError(t, "result", err, process.ErrEncoding, "result of type chan int")
	for _, side := range []string{"encode argument", "decode argument", "encode result", "decode result"} {
		_, err := echo.odd.Call(ctx, p, oddity{side})
		proctest.WantError(t, side, err, process.ErrEncoding, "no "+side)
	}
	r := proctest.Must(echo.odd.Call(ctx, p, oddity{"fine"}))(t)
	if r.Side != "fine" {
		t.Error(r)
	}
	var errs []error
	for _, err := range echo.odd.Map(ctx, p, func(yield func(oddity) bool) {
		for _, side := range []string{"fine", "encode argument", "decode argument", "fine", "encode result", "decode result", "fine"} {
			if !yield(oddity{side}) {
				return
			}
		}
	}) {
		errs = append(errs, err)
	}
	for i, err := range errs {
		if errors.Is(err, process.ErrEncoding) != (i%3 != 0) {
			t.Errorf("element %d: %v", i, err)
		}
	}
	if len(errs) != 7 {
		t.Errorf("%d elements", len(errs))
	}
	if now, err := pid.Call(ctx, p, struct{}{}); now != worker || err != nil {
		t.Errorf("worker is %d, %v, expected the same, %d", now, err, worker)
	}
}

var (
	wantsFunc = process.Func("takes func", func(context.Context, struct{ F func() }) (int, error) { return 1, nil })
	givesChan = process.Func("gives chan", func(context.Context, int) (chan int, error) { return make(chan int), nil })
)

// oddity panics, or fails, on some side.
type oddity struct{ Side string }

var inWorker = process.InWorker()

func (o oddity) GobEncode() ([]byte, error) {
	switch {
	case o.Side == "encode argument" && !inWorker:
		panic("no " + o.Side)
	case o.Side == "encode result" && inWorker:
		panic("no " + o.Side)
	}
	return []byte(o.Side), nil
}

func (o *oddity) GobDecode(b []byte) error {
	switch o.Side = string(b); {
	case o.Side == "decode argument":
		panic("no " + o.Side)
	case o.Side == "decode result" && !inWorker:
		panic("no " + o.Side)
	case o.Side == "goexit argument" && inWorker || o.Side == "goexit result" && !inWorker:
		runtime.Goexit()
	}
	return nil
}
