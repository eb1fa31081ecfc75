package shmnet

import "net"

// For hostile diallers.
const (
	Magic    = magic
	HeadSize = headSize
	TailAt   = tailAt
	HeadAt   = headAt
	WordsOf  = wordsOf
	Beside   = beside
)

// SocketAddr returns the address of the socket of a listener.
func SocketAddr(name string) (*net.UnixAddr, error) { return socketAddr(Addr(name)) }

// MaxPending is how many connections may be on their way to Accept.
const MaxPending = maxPending
