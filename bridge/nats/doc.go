// Package nats continues a ring of Isthmus in a stream of NATS JetStream.
package nats
