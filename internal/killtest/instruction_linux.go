//go:build amd64 || arm64

package killtest

import "golang.org/x/sys/unix"

// kind is what the tracer has to know about an instruction.
type kind uint8

const (
	plain kind = iota
	systemCall
	marker
	routine // the first instruction of one, if the tracer steps over them
)

// instruction says what the instruction at pc does.
func (t *Tracer) instruction(pid int, pc uint64) (kind, error) {
	k, ok := t.text[pc]
	if ok {
		return k, nil
	}
	var b [instructionSize]byte
	if _, err := unix.PtracePeekText(pid, uintptr(pc), b[:]); err != nil {
		return plain, err
	}
	k = kindOf(b)
	if pc < textEnd { // the rest may be elsewhere in the next process
		if t.over && isRoutine(pc) {
			k = routine
		}
		t.text[pc] = k
	}
	return k, nil
}

// textEnd is more than the address of any instruction of the program.
const textEnd = 1 << 32
