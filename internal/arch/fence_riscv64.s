#include "textflag.h"

// The assembler has one fence, iorw,iorw.

// func Fence()
TEXT ·Fence(SB), NOSPLIT|NOFRAME, $0-0
	FENCE
	RET

// func LoadFence()
TEXT ·LoadFence(SB), NOSPLIT|NOFRAME, $0-0
	FENCE
	RET

// func StoreFence()
TEXT ·StoreFence(SB), NOSPLIT|NOFRAME, $0-0
	FENCE
	RET
