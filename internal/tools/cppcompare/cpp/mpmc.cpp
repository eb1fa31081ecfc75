// A queue with any number of producers and consumers that poll: each takes a ticket,
// and waits for its turn at the ticket's slot, as in rigtorp's MPMCQueue. Turn 2k of
// a slot is for the push of lap k, and turn 2k+1 for the pop.
#include "loops.h"

#include <atomic>

namespace {

template <class T, std::size_t N> class tickets {
  struct slot {
    alignas(line) std::atomic<uint64_t> turn{0};
    T m;
  };
  alignas(line) std::atomic<uint64_t> pushes{0};
  alignas(line) std::atomic<uint64_t> pops{0};
  alignas(line) slot ring[N];

  static void await(const slot &s, uint64_t turn) {
    while (s.turn.load(std::memory_order_acquire) != turn) {
    }
  }

public:
  void push(const T &m) {
    uint64_t ticket = pushes.fetch_add(1), lap = ticket / N;
    slot &s = ring[ticket % N];
    await(s, 2 * lap);
    s.m = m;
    s.turn.store(2 * lap + 1, std::memory_order_release);
  }
  void pop(T &m) {
    uint64_t ticket = pops.fetch_add(1), lap = ticket / N;
    slot &s = ring[ticket % N];
    await(s, 2 * lap + 1);
    m = s.m;
    s.turn.store(2 * lap + 2, std::memory_order_release);
  }
};

using item = message<8>;
using queue = tickets<item, slots<item>>;

loop one_to_one(void *memory, int side) {
  return stream<item>(attach<queue>(memory, side), side);
}

loop two_to_two(void *memory, int side) {
  return both<item>(attach<queue>(memory, side));
}

systems all{
    {"mpmc/1:1", "tickets and turns", one_to_one},
    {"mpmc/2:2", "tickets and turns", two_to_two},
};

} // namespace
