//go:build !windows

package proctest

func notBegun(error) bool { return false }
