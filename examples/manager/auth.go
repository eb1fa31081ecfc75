package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/isthmus-go/isthmus/shmnet"
)

var errAuth = errors.New("the other side does not know the key")

// authenticate checks a peer of another user: each side has the other prove that it knows the
// key. The kernel vouches for the user, so that those of this one need no proof.
func authenticate(c *shmnet.Conn, key []byte) error {
	if c.Peer().UID == os.Geteuid() {
		return nil
	}
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	return errors.Join(challenge(c, key), c.SetDeadline(time.Time{}))
}

const (
	nonceSize = 32
	patience  = 5 * time.Second
)

// challenge sends a nonce, and answers that of the other side by the HMAC of both, its own first.
// So no answer is good for another connection, nor for who sends a side its own one back.
func challenge(c net.Conn, key []byte) error {
	mine, theirs := make([]byte, nonceSize), make([]byte, nonceSize)
	rand.Read(mine)
	if err := swap(c, mine, theirs); err != nil {
		return err
	}
	if hmac.Equal(mine, theirs) {
		return errAuth
	}
	got := make([]byte, sha256.Size)
	if err := swap(c, proof(key, mine, theirs), got); err != nil {
		return err
	}
	if !hmac.Equal(got, proof(key, theirs, mine)) {
		return errAuth
	}
	return nil
}

func proof(key, own, other []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(own)
	h.Write(other)
	return h.Sum(nil)
}

// swap sends and receives at the same time.
func swap(c net.Conn, out, in []byte) error {
	sent := make(chan error, 1)
	go func() { _, err := c.Write(out); sent <- err }()
	_, err := io.ReadFull(c, in)
	return errors.Join(err, <-sent)
}
