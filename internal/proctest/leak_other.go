//go:build !linux

package proctest

func processes() []string { return nil }
