//go:build ppc64 || ppc64le

#include "textflag.h"

// func Fence()
TEXT ·Fence(SB), NOSPLIT|NOFRAME, $0-0
	SYNC
	RET

// func LoadFence()
TEXT ·LoadFence(SB), NOSPLIT|NOFRAME, $0-0
	LWSYNC
	RET

// func StoreFence()
TEXT ·StoreFence(SB), NOSPLIT|NOFRAME, $0-0
	LWSYNC
	RET
