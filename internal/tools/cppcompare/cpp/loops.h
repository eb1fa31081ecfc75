// The loops of queues. A queue Q, which may be a pointer of any kind, has push(m) and
// pop(m), which wait; for batches push_some(ms, n) and pop_some(ms, n), which move at
// least one message if n is not 0, or return 0.
#pragma once

#include "side.h"

#include <algorithm>

// whole makes the compiler copy all of m, although only parts are looked at.
template <class T> void whole(const T &m) {
  asm volatile("" : : "r"(&m) : "memory");
}

// stream: side 0 pushes and side 1 pops.
template <class T, class Q> loop stream(Q q, int side) {
  if (side == 0)
    return [q](uint64_t seq, uint64_t n) {
      T m{};
      for (uint64_t end = seq + n; seq != end; seq++) {
        m.stamp(seq);
        q->push(m);
      }
    };
  return [q](uint64_t seq, uint64_t n) {
    T m;
    for (uint64_t end = seq + n; seq != end; seq++) {
      q->pop(m);
      whole(m);
      m.check(seq);
    }
  };
}

// batches is a stream in batches.
constexpr std::size_t batch = 256;

template <class T, class Q> loop batches(Q q, int side) {
  if (side == 0)
    return [q](uint64_t seq, uint64_t n) {
      T ms[batch]{};
      for (uint64_t end = seq + n; seq != end;) {
        std::size_t k = std::min<uint64_t>(batch, end - seq);
        for (std::size_t i = 0; i < k; i++)
          ms[i].stamp(seq++);
        for (std::size_t sent = 0; sent < k;)
          sent += q->push_some(ms + sent, k - sent);
      }
    };
  return [q](uint64_t seq, uint64_t n) {
    T ms[batch];
    for (uint64_t end = seq + n; seq != end;) {
      std::size_t k = q->pop_some(ms, std::min<uint64_t>(batch, end - seq));
      for (std::size_t i = 0; i < k; i++)
        ms[i].check(seq++);
    }
  };
}

// both: each side pushes a message and pops one, whosever it is.
template <class T, class Q> loop both(Q q) {
  return [q](uint64_t seq, uint64_t n) {
    T m{};
    for (uint64_t end = seq + n; seq != end; seq++) {
      m.stamp(seq);
      q->push(m);
      q->pop(m);
    }
  };
}
