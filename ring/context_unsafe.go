package ring

import (
	"context"
	"unsafe"
)

// endless reports whether ctx is a Background, which never ends. It asks no
// method: a call would spill registers, and in a stream the store buffer is
// what the slots' cache lines wait in.
func endless(ctx context.Context) bool { return typeWord(ctx) == backgroundType }

var backgroundType = typeWord(context.Background())

// typeWord is what identifies the dynamic type of ctx.
func typeWord(ctx context.Context) uintptr { return *(*uintptr)(unsafe.Pointer(&ctx)) }
