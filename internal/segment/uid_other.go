//go:build !linux

package segment

// overflowUID returns the uid that stands for more than one user, if there is one.
func overflowUID() (uid int, ok bool) { return 0, false }
