package shmnet

import "syscall"

var (
	errReset  = syscall.NewError("connection reset by peer")
	errBroken = syscall.NewError("broken pipe")
)
