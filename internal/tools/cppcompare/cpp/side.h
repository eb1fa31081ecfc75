// What the C++ systems share: see side.cpp.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <new>
#include <string>
#include <vector>

// A loop does n operations. The messages that it sends or receives are numbered
// seq, seq+1, ...
using loop = std::function<void(uint64_t seq, uint64_t n)>;

// A system takes part in a row of the comparison. make returns the loop of a side.
// The shared memory is zero at first. Side 0 is made before side 1, and puts there
// what both use.
struct entry {
  std::string row;
  std::string system;
  loop (*make)(void *memory, int side);
};

std::vector<entry> &entries();

// Each source file names its systems in variables of this type.
struct systems {
  systems(std::initializer_list<entry> list) {
    entries().insert(entries().end(), list);
  }
};

// attach constructs a T in shared memory, or finds the one of side 0.
template <class T> T *attach(void *memory, int side) {
  return side == 0 ? new (memory) T : std::launder(static_cast<T *>(memory));
}

[[noreturn]] inline void fail(const char *what) {
  std::fprintf(stderr, "%s\n", what);
  std::exit(1);
}

constexpr std::size_t line = 64;

// The number of slots of a queue, by the size of its messages; the Go side has the
// same ones.
template <class T>
constexpr std::size_t slots = sizeof(T) <= 64 ? 4096 : 256;

// A message carries its number in each of its cache lines, as those of the Go side
// do.
template <int size> struct message {
  static constexpr int stride = line / sizeof(uint64_t);
  uint64_t words[size / sizeof(uint64_t)];

  void stamp(uint64_t seq) {
    for (unsigned i = 0; i < size / sizeof(uint64_t); i += stride)
      words[i] = seq;
  }
  void check(uint64_t seq) const {
    for (unsigned i = 0; i < size / sizeof(uint64_t); i += stride)
      if (words[i] != seq)
        fail("a message is missing, damaged or out of order");
  }
};
