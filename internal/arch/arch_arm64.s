#include "textflag.h"

// func Pause(n uint32)
TEXT ·Pause(SB), NOSPLIT, $0-4
	MOVWU	n+0(FP), R0
loop:
	YIELD
	SUBW	$1, R0
	CBNZW	R0, loop
	RET

// func Fence()
TEXT ·Fence(SB), NOSPLIT, $0-0
	DMB	$0xb	// ISH
	RET

// func LoadFence()
TEXT ·LoadFence(SB), NOSPLIT, $0-0
	DMB	$0x9	// ISHLD
	RET

// func StoreFence()
TEXT ·StoreFence(SB), NOSPLIT, $0-0
	DMB	$0xa	// ISHST
	RET

// func PrefetchWrite(addr *uint64)
TEXT ·PrefetchWrite(SB), NOSPLIT, $0-8
	MOVD	addr+0(FP), R0
	PRFM	(R0), PSTL1KEEP
	RET
