// Queues with one producer and one consumer that poll: Lamport's ring with cached
// indices, as in rigtorp's SPSCQueue, and a ring that moves whole batches by one
// copy. Each keeps its own index, and a copy of the other end's, which it renews
// only when the ring seems full or empty.
#include "loops.h"

#include <atomic>
#include <cstring>

namespace {

template <class T, std::size_t N> class cached {
  static_assert((N & (N - 1)) == 0);
  alignas(line) std::atomic<uint64_t> tail{0}; // written by the producer
  alignas(line) uint64_t head_seen = 0;        // the producer's
  alignas(line) std::atomic<uint64_t> head{0}; // written by the consumer
  alignas(line) uint64_t tail_seen = 0;        // the consumer's
  alignas(line) T slots[N];

public:
  // claim waits for a free slot, and publish hands it over.
  T &claim() {
    uint64_t t = tail.load(std::memory_order_relaxed);
    while (t - head_seen == N)
      head_seen = head.load(std::memory_order_acquire);
    return slots[t % N];
  }
  void publish() {
    tail.store(tail.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
  void push(const T &m) {
    claim() = m;
    publish();
  }

  // front waits for a message, and release gives its slot back.
  const T &front() {
    uint64_t h = head.load(std::memory_order_relaxed);
    while (h == tail_seen)
      tail_seen = tail.load(std::memory_order_acquire);
    return slots[h % N];
  }
  void release() {
    head.store(head.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
  void pop(T &m) {
    m = front();
    release();
  }

  // push_some pushes as many of n messages as there is room for, and at least one.
  std::size_t push_some(const T *m, std::size_t n) {
    uint64_t t = tail.load(std::memory_order_relaxed);
    if (t - head_seen + n > N)
      do
        head_seen = head.load(std::memory_order_acquire);
      while (t - head_seen == N);
    n = std::min(n, N - (t - head_seen));
    std::size_t first = std::min(n, N - t % N);
    std::memcpy(&slots[t % N], m, first * sizeof(T));
    std::memcpy(slots, m + first, (n - first) * sizeof(T));
    tail.store(t + n, std::memory_order_release);
    return n;
  }
  // pop_some pops as many of n messages as there are, and at least one.
  std::size_t pop_some(T *m, std::size_t n) {
    uint64_t h = head.load(std::memory_order_relaxed);
    if (tail_seen - h < n)
      do
        tail_seen = tail.load(std::memory_order_acquire);
      while (h == tail_seen);
    n = std::min(n, tail_seen - h);
    std::size_t first = std::min(n, N - h % N);
    std::memcpy(m, &slots[h % N], first * sizeof(T));
    std::memcpy(m + first, slots, (n - first) * sizeof(T));
    head.store(h + n, std::memory_order_release);
    return n;
  }
};

template <class T> using queue = cached<T, slots<T>>;

template <class T> loop one_by_one(void *memory, int side) {
  return stream<T>(attach<queue<T>>(memory, side), side);
}

template <class T> loop in_place(void *memory, int side) {
  auto *q = attach<queue<T>>(memory, side);
  if (side == 0)
    return [q](uint64_t seq, uint64_t n) {
      for (uint64_t end = seq + n; seq != end; seq++) {
        q->claim().stamp(seq);
        q->publish();
      }
    };
  return [q](uint64_t seq, uint64_t n) {
    for (uint64_t end = seq + n; seq != end; seq++) {
      q->front().check(seq);
      q->release();
    }
  };
}

template <class T> loop by_batches(void *memory, int side) {
  return batches<T>(attach<queue<T>>(memory, side), side);
}

template <class T> loop trips(void *memory, int side) {
  struct both {
    cached<T, 64> there, back;
  };
  auto *q = attach<both>(memory, side);
  if (side == 0)
    return [q](uint64_t seq, uint64_t n) {
      T m;
      for (uint64_t end = seq + n; seq != end; seq++) {
        m.stamp(seq);
        q->there.push(m);
        q->back.pop(m);
        m.check(seq);
      }
    };
  return [q](uint64_t, uint64_t n) {
    T m;
    for (; n > 0; n--) {
      q->there.pop(m);
      q->back.push(m);
    }
  };
}

// bare is the limit of a round trip: two words, on pairs of lines of their own.
loop bare(void *memory, int side) {
  struct words {
    alignas(2 * line) std::atomic<uint64_t> there{0};
    alignas(2 * line) std::atomic<uint64_t> back{0};
  };
  auto *w = attach<words>(memory, side);
  if (side == 0)
    return [w](uint64_t seq, uint64_t n) {
      for (uint64_t end = seq + n; seq != end; seq++) {
        w->there.store(seq + 1, std::memory_order_release);
        while (w->back.load(std::memory_order_acquire) != seq + 1) {
        }
      }
    };
  return [w](uint64_t seq, uint64_t n) {
    for (uint64_t end = seq + n; seq != end; seq++) {
      while (w->there.load(std::memory_order_acquire) != seq + 1) {
      }
      w->back.store(seq + 1, std::memory_order_release);
    }
  };
}

const char *const name = "cached indices";

systems all{
    {"spsc/8", name, one_by_one<message<8>>},
    {"spsc/64", name, one_by_one<message<64>>},
    {"spsc/1024", name, one_by_one<message<1024>>},
    {"spsc/1024/in-place", name, in_place<message<1024>>},
    {"spsc/8/batch-256", "bulk copy", by_batches<message<8>>},
    {"roundtrip/8", "bare cache line", bare},
    {"roundtrip/8", name, trips<message<8>>},
};

} // namespace
