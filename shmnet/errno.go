//go:build !plan9

package shmnet

import "syscall"

const (
	errReset  = syscall.ECONNRESET
	errBroken = syscall.EPIPE
)
