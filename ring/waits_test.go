package ring_test

import "context"

// popOps and pushOps are the operations that wait.
var popOps = map[string]func(ctx context.Context, c consumer) (uint64, error){
	"Pop": func(ctx context.Context, c consumer) (uint64, error) { return c.Pop(ctx) },
	"PopInto": func(ctx context.Context, c consumer) (uint64, error) {
		ns, err := c.PopInto(ctx, 1)
		return append(ns, 0)[0], err
	},
	"Next": func(ctx context.Context, c consumer) (uint64, error) {
		l, err := c.Next(ctx)
		if err != nil {
			return 0, err
		}
		return l.N, l.Release()
	},
	"All": func(ctx context.Context, c consumer) (n uint64, err error) {
		for n, err = range c.All(ctx) {
			break
		}
		return n, err
	},
}

var pushOps = map[string]func(ctx context.Context, p producer, n uint64) error{
	"Push": func(ctx context.Context, p producer, n uint64) error { return p.Push(ctx, n) },
	"PushAll": func(ctx context.Context, p producer, n uint64) error {
		_, err := p.PushAll(ctx, n, n+1)
		return err
	},
	"Reserve": func(ctx context.Context, p producer, n uint64) error {
		r, err := p.Reserve(ctx, n)
		if err != nil {
			return err
		}
		return r.Commit()
	},
}

// waysToPop and waysToPush are their names.
var (
	waysToPop  = []string{"Pop", "PopInto", "Next", "All"}
	waysToPush = []string{"Push", "PushAll", "Reserve"}
)

// pops and pushes are those of an end.
func pops(c consumer) map[string]func(context.Context) error {
	ops := map[string]func(context.Context) error{}
	for what, pop := range popOps {
		ops[what] = func(ctx context.Context) error { _, err := pop(ctx, c); return err }
	}
	return ops
}

func pushes(p producer) map[string]func(context.Context) error {
	ops := map[string]func(context.Context) error{}
	for what, push := range pushOps {
		ops[what] = func(ctx context.Context) error { return push(ctx, p, 0) }
	}
	return ops
}
