//go:build !linux

package semaphore_test

func uncontendedOps() {}
