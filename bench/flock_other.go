//go:build !unix || aix || solaris

package main

func flockRows() []row { return nil }
