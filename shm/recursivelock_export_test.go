package shm

// Sleepers reports whether anybody may be asleep.
func (l *RecursiveLock) Sleepers() bool { return l.lock.Queue().Waiting() }

// SetCount has a token that holds l hold it so often.
func (l *RecursiveLock) SetCount(n uint64) { l.hold.Store(l.hold.Load()&^holdDepth | n) }

// HalfUnlock is what the last Unlock has done by the time it looks for sleepers.
func (l *RecursiveLock) HalfUnlock() {
	l.hold.Store(0)
	l.lock.GiveUp(l.lock.Held())
}
