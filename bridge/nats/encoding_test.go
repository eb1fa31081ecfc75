//go:build !plan9

package nats

import (
	"encoding/hex"
	"reflect"
	"testing"
)

type mixed struct {
	A uint8
	B int32
	C int
	_ [3]byte
	D bool
	E [2]float32
	F complex64
}

// The bytes and the fingerprint are fixed: another processor has to come to the same.
func TestEncodingIsFixed(t *testing.T) {
	c := newCodec(reflect.TypeFor[mixed]())
	v := mixed{A: 7, B: -2, C: -3, D: true, E: [2]float32{1, 2}, F: complex(3, 4)}
	enc := c.encode(nil, memory(&v))
	if got, want := hex.EncodeToString(enc), "07feffffff"+"fdffffffffffffff"+"01"+"0000803f00000040"+"0000404000008040"; got != want {
		t.Errorf("encoding %s, want %s", got, want)
	}
	if want := "904b68a4d37785de"; c.fingerprint != want {
		t.Errorf("fingerprint %s, want %s", c.fingerprint, want)
	}
	var back mixed
	if err := c.decode(memory(&back), enc); err != nil || back != v {
		t.Errorf("decoded %+v, %v", back, err)
	}
	if c.decode(memory(&back), enc[1:]) == nil {
		t.Error("a short message was decoded")
	}
	enc[13] = 2
	if c.decode(memory(&back), enc) == nil {
		t.Error("a bool of 2 was decoded")
	}
}
