package process_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/isthmus-go/isthmus/process"
)

var returns = process.Register("returns", func(ctx context.Context, text string) error {
	if text == "" {
		return nil
	}
	return errors.New(text)
})

func TestReturn(t *testing.T) {
	for _, text := range []string{"", "what f returned"} {
		p, err := process.Start(context.Background(), returns, text, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = p.Wait()
		fmt.Fprintln(os.Stderr, p, err)
	}
}
