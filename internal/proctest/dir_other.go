//go:build !linux

package proctest

func isTmpfs(string) bool { return false }
