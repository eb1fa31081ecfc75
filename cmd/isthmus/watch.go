package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/internal/tap"
	"github.com/isthmus-go/isthmus/shm"
)

// Passed is a message, as watch writes it.
type Passed struct {
	Position uint64
	Index    uint64          `json:",omitempty"` // of the message in its record, in a ring of bytes
	Size     uint64          // in bytes
	Value    json.RawMessage `json:",omitempty"` // decoded
	Data     []byte          `json:",omitempty"` // if it cannot be
	Cut      bool            `json:",omitempty"` // Data is only its beginning
}

// Missed says that messages passed that could not be copied.
type Missed struct {
	Position, Missed uint64
	Unit             string // "messages", or "bytes"
}

// Watching is the beginning of a watch.
type Watching struct {
	Watching, Kind string
	Type           string `json:",omitempty"` // of the messages, see shm.TypeInfo.Text
	Position       uint64 // of the next message
	Unit           string // of what is missed
}

// Watched is the end of a watch.
type Watched struct {
	Ended            string // "closed", "interrupted", "messages" (as many as -n), "gone" or "corrupt"
	Messages, Missed uint64
	Unit             string
}

func (c *cli) watch() *cobra.Command {
	w := &watcher{}
	cmd := &cobra.Command{
		Use: "watch NAME OBJECT", Short: "Copy the messages of a ring as they pass", Args: cobra.ExactArgs(2),
		Long: `Watch writes copies of the messages that pass through a ring: of an SPSC, MPMC, Bytes, BytesMPMC or
Broadcast. It takes none and holds nobody up: it only reads. Each copy is whole, in order, and
decoded by the type that the ring has recorded. What it could not copy it counts:

  - An SPSC is seen as long as it is not a lap ahead. (On processors other than amd64, 386 and s390x,
    as of an MPMC. So are messages of 16 KiB and more.)
  - A Broadcast is seen as by a subscriber that may lose messages.
  - MPMC, Bytes and BytesMPMC are seen while messages wait in them. What consumers take at once is
    mostly missed. An MPMC counts a place that a producer has given up as missed, and the rings of
    bytes count bytes, not messages: what lay there is not known any more.
  - A WorkQueue cannot be watched: show tells who holds what.

It ends when the ring is closed and drained, when the ring or its segment is removed (exit code 3), or
if what it reads cannot be (4); after -n messages; or when it is interrupted.

With -json, it writes an object in each line. The first has Watching (the object), Kind, Type, Position
and Unit (messages or bytes). A message has Position, Size and Value, or Data where there
is no type and the bytes are no text, and Cut if that is only the beginning. Others have Missed, Unit
and the Position where it began. The last has Ended (closed, interrupted, messages, gone or corrupt),
and how many Messages there were, and Missed, in all.`,
		RunE: func(_ *cobra.Command, args []string) error {
			if w.opts.Limit < 0 {
				c.began = false
				return fmt.Errorf("%d bytes: they cannot be negative", w.opts.Limit)
			}
			return w.run(interrupted(), c, args[0], args[1])
		},
		ValidArgsFunction: c.completeNames(1, func(o shm.ObjectInfo) bool {
			_, ok := o.State.(*shm.RingState)
			return ok && o.Kind != "work queue"
		}),
	}
	cmd.Flags().Uint64VarP(&w.most, "messages", "n", 0, "end after so many, 0 for never")
	cmd.Flags().BoolVar(&w.opts.Oldest, "oldest", false, "begin with the messages that wait")
	cmd.Flags().IntVar(&w.opts.Limit, "bytes", 1<<16, "copy so many of a message, 0 for all")
	return cmd
}

// interrupted returns a context that ends when the program is to.
func interrupted() context.Context {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // who interrupts again ends a program that nobody reads from
	return ctx
}

var errMost = errors.New("enough messages")

// watcher is one watch.
type watcher struct {
	*cli
	most uint64
	opts tap.Options

	out    *bufio.Writer // is flushed when there is no message
	tap    *tap.Tap
	decode *typ
	end    Watched
	lapse  Missed    // not written yet
	since  time.Time // of the lapse
	failed error     // to write the beginning
}

func (w *watcher) run(ctx context.Context, c *cli, name, object string) error {
	w.cli, w.out = c, bufio.NewWriter(c.out)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	w.opts.Idle = func() {
		if errors.Join(w.overdue(), w.out.Flush()) != nil { // it comes back with the next write
			stop()
		}
	}
	err := tap.Watch(ctx, name, object, (*segment.Options)(c.options()), w.opts, w.begin)
	switch {
	case w.tap == nil:
		return err
	case errors.Is(err, errMost):
		w.end.Ended, err = "messages", nil
	case errors.Is(err, tap.ErrGone):
		w.end.Ended = "gone"
	case errors.Is(err, shm.ErrCorrupt):
		w.end.Ended = "corrupt"
	case err != nil:
		return err
	case ctx.Err() != nil:
		w.end.Ended = "interrupted"
	default:
		w.end.Ended = "closed"
	}
	for _, write := range []func() error{w.missed, w.last, w.out.Flush} {
		if werr := write(); werr != nil { // and all that follow fail for the same reason
			return errors.Join(err, werr)
		}
	}
	return err
}

func (w *watcher) begin(t *tap.Tap) func(tap.Event) error {
	w.tap, w.end.Unit, w.lapse.Unit = t, t.Unit, t.Unit
	if t.ElemSize != 0 {
		w.decode = parseType(t.Type, t.ElemSize)
	}
	b := Watching{t.Name(), t.Kind.String(), t.Type, t.Position(), t.Unit}
	if w.json {
		w.failed = writeJSON(w.out, b, true)
		return w.event
	}
	what := b.Kind
	if b.Type != "" {
		what += " of " + clean(b.Type)
	}
	_, w.failed = fmt.Fprintf(w.out, "%s: %s, from position %d\n", clean(b.Watching), what, b.Position)
	return w.event
}

// event writes one. Lapses that follow one another within a second are one.
func (w *watcher) event(e tap.Event) error {
	if w.failed != nil {
		return w.failed
	}
	if e.Missed != 0 {
		if w.lapse.Missed == 0 {
			w.lapse.Position, w.since = e.Position, time.Now()
		}
		w.lapse.Missed += e.Missed
		w.end.Missed += e.Missed
		return w.overdue()
	}
	if err := w.missed(); err != nil {
		return err
	}
	if err := w.message(e); err != nil {
		return err
	}
	if w.end.Messages++; w.end.Messages == w.most {
		return errMost
	}
	return nil
}

// overdue writes a lapse that is a second old: where all is missed, no message follows it.
func (w *watcher) overdue() error {
	if w.lapse.Missed == 0 || time.Since(w.since) < time.Second {
		return nil
	}
	if err := w.missed(); err != nil {
		return err
	}
	return w.out.Flush()
}

func (w *watcher) missed() error {
	l := w.lapse
	if w.lapse.Missed = 0; l.Missed == 0 {
		return nil
	}
	if w.json {
		return writeJSON(w.out, l, true)
	}
	_, err := fmt.Fprintf(w.out, "%d  missed %s\n", l.Position, plural(l.Missed, strings.TrimSuffix(l.Unit, "s")))
	return err
}

func (w *watcher) message(e tap.Event) error {
	p := Passed{Position: e.Position, Index: e.Index, Size: e.Size}
	whole := uint64(len(e.Data)) == e.Size
	switch {
	case whole && w.decode != nil:
		p.Value = w.decode.value(e.Data)
	case whole && w.tap.ElemSize == 0 && utf8.Valid(e.Data):
		p.Value = quote(nil, string(e.Data))
	}
	if p.Value == nil {
		p.Data, p.Cut = e.Data, !whole
	}
	if w.json {
		return writeJSON(w.out, p, true)
	}
	at, text := fmt.Sprint(p.Position), string(p.Value)
	if p.Index != 0 {
		at += fmt.Sprintf("+%d", p.Index)
	}
	if p.Value == nil {
		text = "0x" + hex.EncodeToString(p.Data)
	}
	if p.Cut {
		text += fmt.Sprintf("… of %d bytes", p.Size)
	}
	_, err := fmt.Fprintf(w.out, "%s  %s\n", at, text)
	return err
}

func (w *watcher) last() error {
	if w.json {
		return writeJSON(w.out, w.end, true)
	}
	missed := plural(w.end.Missed, strings.TrimSuffix(w.end.Unit, "s"))
	_, err := fmt.Fprintf(w.out, "%s: %s, missed %s\n", w.end.Ended, plural(w.end.Messages, "message"), missed)
	return err
}
