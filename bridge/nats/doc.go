// Package nats continues a ring of Isthmus in a stream of NATS JetStream, for programs that outgrow
// one machine: they keep their rings, and one end moves.
//
//	producer → ring → Forward → stream → Receive → ring → consumer
//
// # Promise
//
// At least once, in the order of the ring, and deduplicated. [Forward] reads messages in place, and
// takes each out of the ring only after a PubAck that proves that it is stored: its own, or that of one
// behind it. [Receive] acknowledges each only after its push. A message is named by the ring's identity
// and its position, in Nats-Msg-Id: the server stores a name once within its window (Duplicates of the
// stream). If a message is missing, the server refuses those behind it (Nats-Expected-Last-Msg-Id), so
// nothing is overtaken. To a replicated stream, it publishes each only when the one before is stored.
// A server that is slow, full or gone leaves messages in the ring, and a full
// ring stops its producer.
//
// What happens when something fails:
//
//	producer killed            what it has pushed passes; its successor goes on
//	Forward killed             its successor finds all that was under way in the ring; nothing is
//	                           repeated within the window, nor as long as the stream keeps the
//	                           last message of the subject (MPMC: only within the window)
//	server gone, reconnect     Forward publishes again from the first that no PubAck covers
//	server killed              as above; if by then the stream has dropped messages that were
//	                           consumed (WorkQueuePolicy), their ids are forgotten with them,
//	                           and those that no PubAck covers are repeated
//	leader of a replicated     Forward publishes again the one message that is under way
//	stream gone
//	stream full                Forward tries again, the messages wait in the ring
//	stream deleted             likewise, until there is one; what the stream had is lost with it.
//	                           Receive returns jetstream.ErrConsumerDeleted: its consumer is gone
//	payload over the limit     dead letter, in parts; or ErrTooLarge, and it stays in the ring
//	Receive killed             the server delivers again after AckWait; what is in the ring already
//	                           is only acknowledged (MPMC, BytesMPMC: one message may be
//	                           repeated, killed between its push and the note of it)
//	ring full at the receiver  messages wait in the stream
//	another type               dead letter with the reason; or ErrType
//	subscriber lapped          the header Isthmus-Missed of the next message, and Metrics.Missed
//	connection closed          Forward and Receive return jetstream.ErrConnectionClosed; what is not
//	                           passed stays where it is. nats.go does so after 60 attempts to
//	                           reconnect, unless told otherwise (nats.MaxReconnects)
//	bridge of a Broadcast killed  what it had copied and not published is lost, unless its
//	                           successor subscribes FromOldest and it is still in the ring
//
// Forward has many messages under way to a stream of one server, and one to a replicated stream: there it
// waits for the majority each time. The reason is nats-server 2.15: a replicated stream stands still after
// an expected id that did not fit, and expected sequences do not keep the order beside other writers.
// Forward asks for the number of replicas when it begins and after each failure. It needs the permission
// for $JS.API.STREAM.NAMES and INFO. End it before a stream gets replicas or is moved to another server.
//
// A repeat can be told by the stream sequence, which travels with each message.
//
// What a bridge remembers lies in the segment beside the ring, in the Values RING.bridge and RING.from
// ([StateSize] bytes). Who removes a ring that is not closed and drained removes these as well: else
// an MPMC made again would use old names.
//
// Messages of plain types travel little-endian, without padding (see encoding.go), with the fingerprint
// of their type in the header Isthmus-Type. Both ends have to be of equal field names and kinds.
//
// The examples of the repository need no change to be bridged: [Forward] has the consumer's end of
// their ring, and [Receive] the producer's end of the far one.
package nats
