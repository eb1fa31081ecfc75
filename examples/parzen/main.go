// Parzen estimates the density of a distribution at a point from samples of it, by Parzen windows
// of several widths: in a pool, which takes each width as a task, and one after another.
//
// In Python:
//
//	def parzen_estimation(x_samples, point_x, h): ...
//
//	pool = mp.Pool(processes=4)
//	results = [pool.apply_async(parzen_estimation, args=(samples, x, w)) for w in widths]
//	results = [p.get() for p in results]
//	results.sort()
//	for r in results:
//	    print("h = %s, p(x) = %s" % (r[0], r[1]))
//
// What is better here: arguments and results of any size go through shared memory, and have types. Each
// task has a result or an error: in Python, get() of a task whose worker was killed never returns.
package main

import (
	"context"
	"fmt"
	"log"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/isthmus-go/isthmus/process"
)

// Point is one of the plane.
type Point [2]float64

// A Window asks how dense the samples are in a square of that width around a point.
type Window struct {
	Samples []Point
	Center  Point
	Width   float64
}

func (w Window) density() float64 {
	inside := 0
	for _, s := range w.Samples {
		if math.Abs(s[0]-w.Center[0]) <= w.Width/2 && math.Abs(s[1]-w.Center[1]) <= w.Width/2 {
			inside++
		}
	}
	return float64(inside) / float64(len(w.Samples)) / (w.Width * w.Width)
}

var density = process.Func("density", func(_ context.Context, w Window) (float64, error) {
	return w.density(), nil
})

func main() {
	process.Main()
	samples := make([]Point, 10_000) // of the normal distribution, whose density at 0 is 1/2π
	random := rand.New(rand.NewPCG(1, 2))
	for i := range samples {
		samples[i] = Point{random.NormFloat64(), random.NormFloat64()}
	}
	var windows []Window
	for i := 1; i <= 12; i++ {
		windows = append(windows, Window{samples, Point{0, 0}, float64(i) / 10})
	}

	parallel, err := inPool(context.Background(), windows)
	if err != nil {
		log.Fatal(err)
	}
	var serial []float64
	for i, w := range windows {
		serial = append(serial, w.density())
		fmt.Printf("h = %.1f, p(x) = %.4f\n", w.Width, parallel[i])
	}
	fmt.Println("the same one after another:", slices.Equal(parallel, serial))
}

func inPool(ctx context.Context, windows []Window) (densities []float64, err error) {
	pool, err := process.NewPool(ctx, &process.PoolOptions{Workers: 4})
	if err != nil {
		return nil, err
	}
	var results []*process.Result[float64]
	for _, w := range windows {
		results = append(results, density.Go(ctx, pool, w))
	}
	for _, r := range results {
		d, err := r.Wait(ctx)
		if err != nil {
			return nil, err
		}
		densities = append(densities, d)
	}
	return densities, pool.Close()
}
