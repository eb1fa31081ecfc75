package hostile

import "context"

// wideOperations are those of a BytesMPMC.
var wideOperations = []operation{
	{name: "TryPush", do: func(h *handles, arg byte) error { return h.wide.TryPush(make([]byte, 2*int(arg))) }},
	{name: "Push", do: func(h *handles, arg byte) error {
		return brief(arg, func(ctx context.Context) error { return h.wide.Push(ctx, make([]byte, arg)) })
	}},
	{name: "PushAll", do: func(h *handles, arg byte) error {
		return brief(arg, func(ctx context.Context) error {
			_, err := h.wide.PushAll(ctx, [][]byte{make([]byte, arg), make([]byte, 30), nil})
			return err
		})
	}},
	{name: "TryPush until it looks for the dead", do: func(h *handles, arg byte) (err error) {
		for range 65 {
			err = h.wide.TryPush(make([]byte, 2*int(arg)))
		}
		return err
	}},
	{name: "TryReserve", do: func(h *handles, arg byte) (err error) {
		h.reservedBytes, err = h.wide.TryReserve(int(arg))
		h.hasBytes.reserved = err == nil
		for i := range h.reservedBytes.Bytes() {
			h.reservedBytes.Bytes()[i] = arg
		}
		return err
	}},
	{name: "Commit", do: func(h *handles, arg byte) error {
		switch {
		case !h.hasBytes.reserved:
			return nil
		case arg%4 == 0:
			return h.reservedBytes.Cancel()
		}
		return h.reservedBytes.Commit(int(arg) / 2)
	}},
	{name: "TryPop", do: func(h *handles, arg byte) error { _, err := h.wide.TryPop(nil); return err }},
	{name: "TryPop until it looks for the dead", do: func(h *handles, arg byte) (err error) {
		for range 65 {
			_, err = h.wide.TryPop(nil)
		}
		return err
	}},
	{name: "Pop", do: func(h *handles, arg byte) error {
		return brief(arg, func(ctx context.Context) error { _, err := h.wide.Pop(ctx, nil); return err })
	}},
	{name: "PopInto", do: func(h *handles, arg byte) error {
		return brief(arg, func(ctx context.Context) error {
			_, _, err := h.wide.PopInto(ctx, nil, make([]int, arg%40))
			return err
		})
	}},
	{name: "TryNext", do: func(h *handles, arg byte) (err error) {
		h.lentBytes, err = h.wide.TryNext()
		h.hasBytes.lent = err == nil
		for i := range h.lentBytes.Bytes() {
			h.lentBytes.Bytes()[i]++
		}
		return err
	}},
	{name: "Next", do: func(h *handles, arg byte) error {
		return brief(arg, func(ctx context.Context) (err error) {
			h.lentBytes, err = h.wide.Next(ctx)
			h.hasBytes.lent = err == nil
			return err
		})
	}},
	{name: "Release", do: func(h *handles, arg byte) error {
		if !h.hasBytes.lent {
			return nil
		}
		return h.lentBytes.Release()
	}},
	{name: "Len", do: func(h *handles, arg byte) error { h.wide.Len(); h.wide.Stats(); return nil }},
	{name: "Close", do: func(h *handles, arg byte) error { return h.wide.Close() }},
}
