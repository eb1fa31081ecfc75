#include "textflag.h"

// func Pause(n uint32)
TEXT ·Pause(SB), NOSPLIT, $0-4
	MOVL	n+0(FP), AX
loop:
	PAUSE
	SUBL	$1, AX
	JHI	loop
	RET

// func Fence()
TEXT ·Fence(SB), NOSPLIT, $0-0
	LOCK
	ADDL	$0, 0(SP)
	RET

// func LoadFence()
TEXT ·LoadFence(SB), NOSPLIT, $0-0
	RET

// func StoreFence()
TEXT ·StoreFence(SB), NOSPLIT, $0-0
	SFENCE
	RET

// func PrefetchWrite(addr *uint64)
TEXT ·PrefetchWrite(SB), NOSPLIT, $0-8
	MOVQ	addr+0(FP), AX
	BYTE	$0x0F; BYTE $0x0D; BYTE $0x08	// PREFETCHW (AX)
	RET
