package shm

import "sync/atomic"

// Word returns the writers' word.
func (l *RWLock) Word() uint64 { return atomic.LoadUint64(l.word) }

// Line returns the count of this process's line.
func (l *RWLock) Line() uint64 { return atomic.LoadUint64(l.mine) }

// WriterWaits reports whether a writer may be asleep until readers have left.
func (l *RWLock) WriterWaits() bool { return l.emptied.Waiting() }

// WritersQueue reports whether a writer may be asleep until another has left.
func (l *RWLock) WritersQueue() bool { return l.lock.Queue().Waiting() }

// ReadersWait reports whether a reader may be asleep.
func (l *RWLock) ReadersWait() bool { return l.opened[0].Waiting() }

// Leave is what Unlock has done before it gives up the writers' lock.
func (l *RWLock) Leave() { l.leave() }

// HalfUnlock is what Unlock has done by the time it looks for sleepers.
func (l *RWLock) HalfUnlock() {
	l.leave()
	l.lock.GiveUp(l.lock.Held())
}

// HalfRUnlock is what RUnlock has done by the time it looks for sleepers.
func (l *RWLock) HalfRUnlock() { atomic.AddUint64(l.mine, notReading) }

// BeginRLock is the first step of RLock.
func (l *RWLock) BeginRLock() { atomic.AddUint64(l.mine, reading) }
