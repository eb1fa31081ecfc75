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

// window is the messages under way in one session. A session has its own publisher: what
// comes late of an old one finds nobody.
type window struct {
	js    jetstream.JetStream
	opts  *Options
	slots []slot
	index map[*nats.Msg]int // of the slots' messages
	begin int               // slot of the first under way
	sent  int               // how many are
	last  string            // id of the one published last
	acked chan struct{}     // has one if something was settled
	timer *time.Timer
}

// slot is a message under way. The publisher's goroutine sets verdict last.
type slot struct {
	msg      nats.Msg
	verdict  atomic.Int32 // 0 while there is none
	repeated bool
	err      error
}

// newWindow begins a session.
func newWindow(js jetstream.JetStream, o *Options) (*window, error) {
	w := &window{opts: o, slots: make([]slot, o.Window), index: make(map[*nats.Msg]int, o.Window),
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

// publish publishes a message behind those under way. The connection has copied it on return. It is
// never published again by nats.go: by then the ring may have another in its place.
func (w *window) publish(subject, id, fingerprint string, it *item) error {
	s := &w.slots[(w.begin+w.sent)%len(w.slots)]
	s.verdict.Store(0)
	m := &s.msg
	m.Subject, m.Data = subject, it.data
	set(m.Header, jetstream.MsgIDHeader, id)
	set(m.Header, HeaderType, fingerprint)
	delete(m.Header, HeaderMissed)
	if it.missed != 0 {
		set(m.Header, HeaderMissed, strconv.FormatUint(it.missed, 10))
	}
	if delete(m.Header, jetstream.ExpectedLastMsgIDHeader); w.last != "" {
		set(m.Header, jetstream.ExpectedLastMsgIDHeader, w.last)
	}
	if _, err := w.js.PublishMsgAsync(m, jetstream.WithRetryAttempts(0)); err != nil {
		if errors.Is(err, nats.ErrMaxPayload) {
			err = fmt.Errorf("%w: %w", errRefused, err)
		}
		return err
	}
	w.last = id
	w.sent++
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

// first takes the first message under way out of the window, if it is settled.
func (w *window) first() (done, repeated bool, err error) {
	s := &w.slots[w.begin]
	if s.verdict.Load() == 0 {
		return false, false, nil
	}
	var api *jetstream.APIError
	switch {
	case s.err == nil:
	case errors.As(s.err, &api) && api.ErrorCode == codeWrongLastID:
		return true, false, errOvertaken
	case errors.As(s.err, &api) && api.ErrorCode == codeTooLarge:
		return true, false, fmt.Errorf("%w: %w", errRefused, s.err)
	default:
		return true, false, s.err
	}
	w.begin = (w.begin + 1) % len(w.slots)
	w.sent--
	return true, s.repeated, nil
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
