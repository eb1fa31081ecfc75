package shmnet

// WriterSleeps reports whether a Write sleeps, or is about to.
func (c *Conn) WriterSleeps() bool { return c.out.room.Waiting() }

// ReaderSleeps reports whether a Read sleeps, or is about to.
func (c *Conn) ReaderSleeps() bool { return c.in.data.Waiting() }
