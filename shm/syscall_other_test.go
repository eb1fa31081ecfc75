//go:build !linux

package shm_test

func uncontendedOps() {}
