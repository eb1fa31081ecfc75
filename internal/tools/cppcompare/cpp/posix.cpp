// The C library's mutexes and semaphore, shared between processes.
#include "side.h"

#include <pthread.h>
#include <semaphore.h>

namespace {

void must(int error) {
  if (error != 0)
    fail("a call of the C library failed");
}

template <bool robust> loop mutex(void *memory, int side) {
  auto *m = static_cast<pthread_mutex_t *>(memory);
  if (side == 0) {
    pthread_mutexattr_t attributes;
    must(pthread_mutexattr_init(&attributes));
    must(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED));
    if (robust)
      must(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST));
    must(pthread_mutex_init(m, &attributes));
  }
  return [m](uint64_t, uint64_t n) {
    for (; n > 0; n--) {
      must(pthread_mutex_lock(m));
      must(pthread_mutex_unlock(m));
    }
  };
}

loop semaphore(void *memory, int side) {
  auto *s = static_cast<sem_t *>(memory);
  if (side == 0)
    must(sem_init(s, 1, 1));
  return [s](uint64_t, uint64_t n) {
    for (; n > 0; n--) {
      must(sem_wait(s));
      must(sem_post(s));
    }
  };
}

systems all{
    {"lock/alone", "pthread mutex", mutex<false>},
    {"lock/alone", "pthread mutex, robust", mutex<true>},
    {"lock/contended", "pthread mutex", mutex<false>},
    {"lock/contended", "pthread mutex, robust", mutex<true>},
    {"semaphore/alone", "sem_t", semaphore},
    {"semaphore/contended", "sem_t", semaphore},
};

} // namespace
