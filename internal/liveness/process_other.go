//go:build !linux

package liveness

// A child inherits no locks here, so nobody asks for the pid.

func pidNamespace() uint64 { return 0 }

func ended(uint32) bool { return false }
