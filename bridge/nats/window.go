package nats

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var (
	// errOvertaken means that the server has refused a message that did not come next.
	errOvertaken = errors.New("not the next message of the stream")
	// errRefused means that the server will never take a message.
	errRefused = errors.New("refused")
	errSilent  = errors.New("no PubAck in time")
)

// Codes of errors of the server.
const (
	codeTooLarge    = 10054 // message size exceeds maximum allowed
	codeWrongLastID = 10070
)

// groups is how many PubAcks a full window waits for. More of them cost the server and the connection
// time, fewer make the window move in leaps.
const groups = 16

// window is the messages under way in one session. A session has its own publisher: what
// comes late of an old one finds nobody.
type window struct {
	js    jetstream.JetStream
	opts  *Options
	slots []slot
	index map[*nats.Msg]int // of the slots' messages
	begin int               // slot of the first under way
	asked int               // how many slots wait for a PubAck; the next one collects
	sent  int               // how many messages are under way
	each  int               // how many more ask for a PubAck of their own
	last  string            // id of the one published last
	acked chan struct{}     // has one if something was settled
	timer *time.Timer
}

// slot is messages under way in a row. The last of them asks for the PubAck, for all. The
// publisher's goroutine sets verdict last.
type slot struct {
	msg      nats.Msg
	covers   int          // how many messages
	verdict  atomic.Int32 // 0 while there is none
	repeated bool
	err      error
}

// newWindow begins a session, whose first messages have a PubAck each.
func newWindow(js jetstream.JetStream, o *Options, each int) (*window, error) {
	w := &window{opts: o, each: each, slots: make([]slot, o.Window), index: make(map[*nats.Msg]int, o.Window),
		acked: make(chan struct{}, 1), timer: time.NewTimer(o.AckWait)}
	for i := range w.slots {
		m := &w.slots[i].msg
		m.Header = nats.Header{}
		w.index[m] = i
	}
	var err error
	w.js, err = jetstream.New(js.Conn(),
		jetstream.WithPublishAsyncMaxPending(o.Window+1),
		jetstream.WithPublishAsyncAckHandler(func(_ jetstream.JetStream, m *nats.Msg, a *jetstream.PubAck) {
			w.settle(m, a.Duplicate, nil)
		}),
		jetstream.WithPublishAsyncErrHandler(func(_ jetstream.JetStream, m *nats.Msg, err error) { w.settle(m, false, err) }))
	return w, err
}

// settle notes what became of a message.
func (w *window) settle(m *nats.Msg, repeated bool, err error) {
	i, ok := w.index[m]
	if !ok {
		return
	}
	s := &w.slots[i]
	s.repeated, s.err = repeated, err
	s.verdict.Store(1)
	select {
	case w.acked <- struct{}{}:
	default:
	}
}

// open returns the slot that collects.
func (w *window) open() *slot { return &w.slots[(w.begin+w.asked)%len(w.slots)] }

// publish publishes a message behind those under way. It asks for a PubAck for its group, at the
// latest if it is the last before a wait; without a reply subject the server stores a message and says
// nothing. The connection has copied it on return. It is never published again by nats.go: by then
// the ring may have another in its place.
func (w *window) publish(subject, id, fingerprint string, it *item, last bool) error {
	s := w.open()
	s.verdict.Store(0)
	m := &s.msg
	m.Subject, m.Data = subject, it.data
	set(m.Header, jetstream.MsgIDHeader, id)
	set(m.Header, HeaderType, fingerprint)
	delete(m.Header, HeaderMissed)
	if it.missed != 0 {
		set(m.Header, HeaderMissed, strconv.FormatUint(it.missed, 10))
	}
	if delete(m.Header, jetstream.ExpectedLastMsgIDHeader); w.last != "" && w.opts.Window > 1 { // else all before it are stored
		set(m.Header, jetstream.ExpectedLastMsgIDHeader, w.last)
	}
	ask := last || w.each > 0 || s.covers+1 >= w.opts.Window/groups
	var err error
	if ask {
		_, err = w.js.PublishMsgAsync(m, jetstream.WithRetryAttempts(0))
	} else {
		err = w.js.Conn().PublishMsg(m)
	}
	if err != nil {
		if errors.Is(err, nats.ErrMaxPayload) {
			err = fmt.Errorf("%w: %w", errRefused, err)
		}
		return err
	}
	w.last = id
	w.sent++
	w.each--
	if s.covers++; ask {
		w.asked++
	}
	return nil
}

// set sets a header. It uses its slice again.
func set(h nats.Header, key, value string) {
	if v := h[key]; len(v) == 1 {
		v[0] = value
		return
	}
	h[key] = []string{value}
}

// wait waits until something is settled.
func (w *window) wait(ctx context.Context) error {
	if w.slots[w.begin].verdict.Load() != 0 {
		return nil
	}
	w.timer.Reset(w.opts.AckWait)
	for {
		select {
		case <-w.acked:
			if w.slots[w.begin].verdict.Load() != 0 {
				return nil
			}
		case <-w.timer.C:
			return errSilent
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// first takes the first messages under way out of the window, if they are settled. It returns how many
// they are, else 0.
func (w *window) first() (covers int, repeated bool, err error) {
	s := &w.slots[w.begin]
	if w.asked == 0 || s.verdict.Load() == 0 {
		return 0, false, nil
	}
	var api *jetstream.APIError
	switch {
	case s.err == nil:
	case errors.As(s.err, &api) && api.ErrorCode == codeWrongLastID:
		return 0, false, errOvertaken
	case errors.As(s.err, &api) && api.ErrorCode == codeTooLarge && s.covers == 1:
		return 0, false, fmt.Errorf("%w: %w", errRefused, s.err)
	default:
		return 0, false, s.err
	}
	covers, s.covers = s.covers, 0
	w.begin = (w.begin + 1) % len(w.slots)
	w.asked--
	w.sent -= covers
	return covers, s.repeated, nil
}

// close ends the session.
func (w *window) close() {
	w.timer.Stop()
	w.js.CleanupPublisher()
}

// deadLetter publishes m, in parts if the server takes no message of its size, and returns once all
// parts are stored.
func deadLetter(ctx context.Context, js jetstream.JetStream, m *nats.Msg, wait time.Duration) error {
	part := int(js.Conn().MaxPayload()) * 3 / 4 // of the limit, headers take some
	if part == 0 {
		return nats.ErrDisconnected // never connected so far: the limit is not known
	}
	data, header := m.Data, m.Header
	n := max(1, (len(data)+part-1)/part)
	for i := range n {
		p := &nats.Msg{Subject: m.Subject, Header: nats.Header{}, Data: data[i*part : min(len(data), (i+1)*part)]}
		for k, v := range header {
			p.Header[k] = v
		}
		if n > 1 {
			p.Header.Set(HeaderPart, fmt.Sprintf("%d/%d", i+1, n))
		}
		p.Header.Set(jetstream.MsgIDHeader, fmt.Sprintf("%s.%d", header.Get(HeaderOrigin), i+1))
		ctx, cancel := context.WithTimeout(ctx, wait)
		_, err := js.PublishMsg(ctx, p)
		cancel()
		if err != nil {
			return fmt.Errorf("dead letter: %w", err)
		}
	}
	return nil
}
