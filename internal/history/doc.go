// Package history has no code but its tests: processes play short rounds on one
// shared object, each operation written down with the times of its call and its
// return, and a checker (porcupine) looks for an order of the operations that
// explains what they returned: the object is linearizable if there always is
// one. In half of the rounds some of the processes are killed in the middle; an
// operation cut off by that may or may not have happened.
//
// The clock is a counter in shared memory, outside of the segment. Each call and
// each return takes a number from it by an atomic addition, so that numbers are
// in the order of time for all processes, more exactly than any clock of the
// system could tell. The addition is a full fence before and after each
// operation, which makes a release store at the end of an operation count as
// visible when it returns; nothing fences the operation inside.
//
//	go test ./internal/history -history.time=10s -v
package history
