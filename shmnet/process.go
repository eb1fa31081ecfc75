package shmnet

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/isthmus-go/isthmus/internal/liveness"
)

// The socket of a connection ends with the process that has it, unless that has made a child
// without exec, as C code in it may: the child has the socket then, and keeps it open. So whoever
// sleeps on a connection also looks at the process at its other side, by its pid. The fence of
// connections has the census of these.

// process is one at the other side of connections.
type process struct {
	pid   int
	conns int         // guarded by processes
	ended atomic.Bool // and not by another that has got its pid
}

var processes struct {
	sync.Mutex
	known  map[int]*process
	deaths uint64    // of those known
	looked time.Time // when the last census was
}

// meet returns the process with a pid, for a connection that begins.
func meet(pid int) *process {
	processes.Lock()
	defer processes.Unlock()
	p := processes.known[pid]
	if p == nil || p.ended.Load() {
		p = &process{pid: pid}
		if processes.known == nil {
			processes.known = map[int]*process{}
		}
		processes.known[pid] = p
	}
	p.conns++
	return p
}

// part is for a connection that has ended.
func (p *process) part() {
	processes.Lock()
	defer processes.Unlock()
	if p.conns--; p.conns == 0 && processes.known[p.pid] == p {
		delete(processes.known, p.pid)
	}
}

// census returns a number that is another one once a process has died more than age ago.
func census(age time.Duration) uint64 {
	processes.Lock()
	defer processes.Unlock()
	if time.Since(processes.looked) < age {
		return processes.deaths
	}
	for _, p := range processes.known {
		if !p.ended.Load() && liveness.Ended(uint32(p.pid)) {
			p.ended.Store(true)
			processes.deaths++
		}
	}
	processes.looked = time.Now()
	return processes.deaths
}
