package nats

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/isthmus-go/isthmus/shm"
)

// What a bridge remembers lies beside the ring, in a shm.Value: so it lives and ends with the
// segment.

// StateSize is the room in the segment that a bridge needs for what it remembers.
func StateSize() int64 { return max(shm.ValueSize[sent](), shm.ValueSize[received]()) }

// sent is the Value RING.bridge of Forward.
type sent struct {
	ID   [2]uint64 // of this ring: a new one if it begins anew
	Next uint64    // position behind the last that was released, if positions rise
}

// received is the Value RING.from of Receive.
type received struct {
	Stream uint64 // which stream, 0 for none
	Seq    uint64 // the last message that was pushed, or is just being pushed
	Time   int64  // when the server has stored it
	Pos    uint64 // where the ring ended before
}

// identify sets what names the ring in message ids, and the Value that it is in.
func (s *Source) identify() (err error) {
	if s.id != "" {
		return nil
	}
	if s.state, err = shm.NewValue[sent](s.segment, s.name+".bridge"); err != nil {
		return err
	}
	st := s.state.Update(func(old sent) sent {
		if old.ID == [2]uint64{} || s.rising && s.reach < old.Next {
			old = sent{ID: newID()} // new, or the ring was removed and made again
		}
		return old
	})
	s.id = fmt.Sprintf("%016x%016x.%s.", st.ID[0], st.ID[1], url.PathEscape(s.name))
	return nil
}

// newID returns a random identity.
func newID() (id [2]uint64) {
	var b [16]byte
	rand.Read(b[:])
	return [2]uint64{binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(b[8:])}
}

// positionIn returns the position that a message id of this identity has.
func positionIn(id, identity string) (uint64, bool) {
	text, ok := strings.CutPrefix(id, identity)
	if !ok {
		return 0, false
	}
	pos, err := strconv.ParseUint(text, 10, 64)
	return pos, err == nil
}
