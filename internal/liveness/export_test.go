package liveness

// The tests and their processes know which slot comes next.
func init() { firstSlot = 0 }
