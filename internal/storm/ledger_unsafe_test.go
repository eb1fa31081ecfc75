package storm

import "unsafe"

const ledgerSize = int(unsafe.Sizeof(ledger{}))

// ledgerAt takes mapped memory for a ledger.
func ledgerAt(mem []byte) *ledger {
	_ = mem[ledgerSize-1]
	return (*ledger)(unsafe.Pointer(unsafe.SliceData(mem)))
}
