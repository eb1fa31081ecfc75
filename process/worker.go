package process

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// The worker's side of a Pool. One goroutine takes tasks, runs them and sends outcomes. If a
// task ends it, by runtime.Goexit, another one goes on where it was. A second goroutine reads
// what the parent sends: arguments, and recalls.

// workerArg is what a worker starts with.
type workerArg struct {
	Number, Workers, Queue, MaxTasks int
	Segments                         int // of the user; the next two are the pool's
	Init                             string
	InitArg                          []byte
}

var workerMain = Register("isthmus/process.Pool", runWorker)

// steps of a worker, in their order, for tests that kill it there.
type step int

const (
	stepTaken  step = iota + 1 // a slot
	stepBegun                  // an element
	stepRan                    // it
	stepSent                   // its outcome
	stepAcked                  // the slot
	stepAsking                 // for an argument
)

// atStep is called between the steps.
var atStep = func(step) {}

type worker struct {
	workerArg
	ctx context.Context
	hall
	out *ring.BytesProducer
	in  *ring.BytesConsumer

	// Of the goroutine that works.
	held    ring.Task[slot]
	task    *task
	gate    gate // of what was begun
	args    []byte
	index   int
	count   int
	busy    bool // there are elements to run
	ran     bool // the outcome of the element is there, and not sent
	outcome outcome
	timed   bool
	since   time.Time
	taskCtx context.Context
	did     int       // elements
	useful  time.Time // when it has found something though it was not called
	err     error

	mu      sync.Mutex
	current ticket // what is begun, or about to be
	cancel  context.CancelFunc
	wanted  ticket      // whose argument it waits for
	arrived chan []byte // gets it, or nil; has room for one

	called chan struct{} // has room for one
}

func runWorker(ctx context.Context, arg workerArg) error {
	w := &worker{workerArg: arg, ctx: ctx, arrived: make(chan []byte, 1), called: make(chan struct{}, 1)}
	opts := &shm.Options{MustExist: true}
	shared, err := Segment(arg.Segments, opts)
	if err != nil {
		return err
	}
	defer shared.Close()
	own, err := Segment(arg.Segments+1, opts)
	if err != nil {
		return err
	}
	defer own.Close()
	if w.hall, err = openHall(shared, arg.Queue, arg.Workers); err != nil {
		return err
	}
	out, in, err := newLinkRings(own)
	if err == nil {
		w.out, err = out.Producer()
	}
	if err == nil {
		w.in, err = in.Consumer()
	}
	if err == nil {
		err = w.init()
	}
	if err == nil {
		w.duty.mark(w.Number, false)
		err = send(ctx, w.out, header{kind: isReady}, nil, nil)
	}
	if err != nil {
		return err
	}
	go w.listen()
	for over := false; !over; {
		stopped := make(chan struct{})
		go func() {
			defer close(stopped) // also if a task ends the goroutine
			for w.step() {
			}
			over = true
		}()
		<-stopped
	}
	if ctx.Err() != nil { // the pool has ended
		return nil
	}
	return w.err
}

// init calls Init.
func (w *worker) init() error {
	if w.Init == "" {
		return nil
	}
	f := lookup(w.Init)
	if f == nil {
		return fmt.Errorf("init: function %q is not registered: %w", w.Init, os.ErrNotExist)
	}
	call, err := f.bind(w.InitArg)
	if err == nil {
		err = call(w.ctx)
	}
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	return nil
}

// step goes on with what there is to do, and reports whether there may be more.
func (w *worker) step() bool {
	if !w.busy && !w.take() {
		return false
	}
	for w.busy {
		if !w.ran {
			w.run()
		}
		if !w.send() {
			return false
		}
		w.next()
	}
	return true
}

// take takes a slot, and begins what it is for. It reports false if the worker is to end.
func (w *worker) take() bool {
	if w.MaxTasks > 0 && w.did >= w.MaxTasks {
		return false
	}
	held, err := w.get()
	if err != nil {
		w.err = err
		return false
	}
	atStep(stepTaken)
	s := held.Value()
	t := ticket{s.gate, s.serial}
	if int(t.gate) >= w.Queue {
		w.err = fmt.Errorf("isthmus: slot of gate %d: %w", t.gate, shm.ErrCorrupt)
		return false
	}
	w.held, w.index, w.count = held, int(s.first), int(s.count)
	args, ok := s.payload[:min(s.length, slotRoom)], true
	if s.length == large {
		args, ok = w.fetch(t)
	}
	if w.err != nil {
		return false
	}
	if !ok || !w.begin(t) {
		w.finish()
		return true
	}
	w.task, w.args = taskOf(s.task), args
	for range w.index { // what an earlier worker has done
		w.cut()
	}
	if w.timed = s.timed != 0; w.timed {
		w.since = time.Now()
	}
	atStep(stepBegun)
	return true
}

// begin begins the first element of a ticket, if it still is to begin.
func (w *worker) begin(t ticket) bool {
	ctx, cancel := context.WithCancel(w.ctx)
	w.mu.Lock()
	w.current, w.cancel = t, cancel // before the gate: a recall comes after that
	w.mu.Unlock()
	w.gate, w.taskCtx = begun(t.serial, w.Number, w.index), ctx
	w.busy = w.index < w.count && w.gates.swap(t.gate, waiting(t.serial), w.gate)
	return w.busy
}

// finish ends a slot.
func (w *worker) finish() {
	w.mu.Lock()
	w.current = ticket{}
	if w.cancel != nil {
		w.cancel()
	}
	w.mu.Unlock()
	w.busy = false
	w.held.Ack()
	w.args, w.taskCtx = nil, nil
	atStep(stepAcked)
}

// cut cuts the next argument off. There is none if the slot is corrupt.
func (w *worker) cut() (arg []byte, ok bool) {
	if w.task == nil {
		return nil, false
	}
	arg, w.args, ok = w.task.cutArg(w.args)
	return arg, ok
}

// run runs an element. If the task ends the goroutine, the outcome is there all the same.
func (w *worker) run() {
	w.outcome.kind, w.ran = isUnknown, true
	w.outcome.data = w.outcome.data[:0]
	if arg, ok := w.cut(); ok {
		w.task.call(w.taskCtx, arg, &w.outcome)
	} else if w.task != nil {
		w.outcome.kind = isUnencodable
		w.outcome.data = append(w.outcome.data, "argument is cut short"...)
	}
}

// send sends the outcome.
func (w *worker) send() bool {
	atStep(stepRan)
	h := header{kind: w.outcome.kind, index: uint16(w.index), ticket: w.current}
	if w.timed {
		h.took = uint32(min(time.Since(w.since).Microseconds(), 1<<32-1))
	}
	w.err = send(w.ctx, w.out, h, w.outcome.data, nil)
	if cap(w.outcome.data) > pieceSize {
		w.outcome.data = nil
	}
	atStep(stepSent)
	return w.err == nil
}

// next begins the next element, or finishes the slot.
func (w *worker) next() {
	w.ran = false
	w.did++
	w.index++
	if w.index < w.count {
		g := begun(w.current.serial, w.Number, w.index)
		if w.gates.swap(w.current.gate, w.gate, g) {
			w.gate = g
			return
		}
	}
	w.finish()
}
