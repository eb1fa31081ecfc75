// What Boost has for these rows, if its headers are there.
#include "loops.h"

#if __has_include(<boost/lockfree/spsc_queue.hpp>) && __has_include(<boost/interprocess/ipc/message_queue.hpp>)

#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/interprocess_semaphore.hpp>
#include <boost/lockfree/spsc_queue.hpp>
#include <memory>
#include <unistd.h>

namespace {

namespace ipc = boost::interprocess;
namespace lockfree = boost::lockfree;

using item = message<8>;

template <class T> struct queue {
  lockfree::spsc_queue<T, lockfree::capacity<slots<T>>> q;

  void push(const T &m) {
    while (!q.push(m)) {
    }
  }
  void pop(T &m) {
    while (!q.pop(m)) {
    }
  }
  std::size_t push_some(const T *ms, std::size_t n) { return q.push(ms, n); }
  std::size_t pop_some(T *ms, std::size_t n) { return q.pop(ms, n); }
};

template <class T> loop one_by_one(void *memory, int side) {
  return stream<T>(attach<queue<T>>(memory, side), side);
}

template <class T> loop by_batches(void *memory, int side) {
  return batches<T>(attach<queue<T>>(memory, side), side);
}

loop mutex(void *memory, int side) {
  auto *m = attach<ipc::interprocess_mutex>(memory, side);
  return [m](uint64_t, uint64_t n) {
    for (; n > 0; n--) {
      m->lock();
      m->unlock();
    }
  };
}

loop semaphore(void *memory, int side) {
  auto *s = static_cast<ipc::interprocess_semaphore *>(memory);
  if (side == 0)
    new (s) ipc::interprocess_semaphore(1);
  return [s](uint64_t, uint64_t n) {
    for (; n > 0; n--) {
      s->wait();
      s->post();
    }
  };
}

// A message_queue has a file of its own in /dev/shm. Side 1 removes its name.
struct named {
  ipc::message_queue q;

  void push(const item &m) { q.send(&m, sizeof(m), 0); }
  void pop(item &m) {
    std::size_t size;
    unsigned priority;
    q.receive(&m, sizeof(m), size, priority);
  }
};

std::shared_ptr<named> open(int side) {
  std::string name = "isthmus-cppcompare-" + std::to_string(getppid());
  if (side == 0)
    return std::shared_ptr<named>(new named{{ipc::create_only, name.c_str(), slots<item>, sizeof(item)}});
  std::shared_ptr<named> q(new named{{ipc::open_only, name.c_str()}});
  ipc::message_queue::remove(name.c_str());
  return q;
}

loop one_to_one(void *, int side) { return stream<item>(open(side), side); }

loop two_to_two(void *, int side) { return both<item>(open(side)); }

systems all{
    {"spsc/8", "boost spsc_queue", one_by_one<message<8>>},
    {"spsc/64", "boost spsc_queue", one_by_one<message<64>>},
    {"spsc/1024", "boost spsc_queue", one_by_one<message<1024>>},
    {"spsc/8/batch-256", "boost spsc_queue", by_batches<message<8>>},
    {"mpmc/1:1", "boost message_queue", one_to_one},
    {"mpmc/2:2", "boost message_queue", two_to_two},
    {"lock/alone", "boost interprocess_mutex", mutex},
    {"lock/contended", "boost interprocess_mutex", mutex},
    {"semaphore/alone", "boost interprocess_semaphore", semaphore},
    {"semaphore/contended", "boost interprocess_semaphore", semaphore},
};

} // namespace

#endif
