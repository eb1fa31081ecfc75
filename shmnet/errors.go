package shmnet

import "github.com/isthmus-go/isthmus/shm"

// ErrCorrupt is [shm.ErrCorrupt]: the peer has broken the protocol. The connection is of no
// more use.
var ErrCorrupt = shm.ErrCorrupt

// ErrUntrusted is [shm.ErrUntrusted]: the process that listens belongs to a user who is not
// trusted.
var ErrUntrusted = shm.ErrUntrusted
