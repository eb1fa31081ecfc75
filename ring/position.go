package ring

// Positions count what went through a ring, from 0, and never return: for programs that
// pass messages on, and have to name them. A ring that was removed and made again begins anew.
// Of a Bytes they only rise. No position is shared memory: asking costs a load of this
// handle's own memory.

// Position returns the position of the message that Next lends next. It is that of Pop if
// nothing is lent.
func (c *Consumer[T]) Position() uint64 { return max(c.pos, c.lentEnd) }

// Position returns the position of the message that Next lends next: its place. It rises from message to
// message, by what each takes in the ring.
func (c *BytesConsumer) Position() uint64 { return c.nextToLend() }

// Position returns the position of the message that is popped next, unless messages are missed.
func (s *Subscriber[T]) Position() uint64 { return s.pos }

// Position returns the position of the message, which is the same if it is lent again.
func (l Lent[T]) Position() uint64 { return l.pos }

// Position returns the position of the message that is pushed next. A successor begins at the
// same one: if it is higher than it was before a Push, the Push has been.
func (p *Producer[T]) Position() uint64 { return p.pos }

// Position returns the position behind the last message that was pushed. A successor begins at
// the same one: if it is higher than it was before a Push, the Push has been.
func (p *BytesProducer) Position() uint64 { return p.pos }

// Position returns the position of the message, which is the same if it is lent again.
func (l LentBytes) Position() uint64 { return l.pos }
