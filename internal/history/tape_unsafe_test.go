package history

import "unsafe"

const tapeSize = int(unsafe.Sizeof(tape{}))

// tapeAt takes mapped memory for a tape.
func tapeAt(mem []byte) *tape {
	_ = mem[tapeSize-1]
	return (*tape)(unsafe.Pointer(unsafe.SliceData(mem)))
}
