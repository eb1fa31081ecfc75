//go:build !unix

package main

func idleRows() []row { return nil }
