// The program of one side of a C++ system. Without arguments, it lists the rows and
// systems. With a row, a system, a side, the number of sides and "all" or "first",
// it maps the file of descriptor 3 and carries out commands: each is a number of
// operations, and the answer is how many were done, and in how many nanoseconds.
#include "side.h"

#include <atomic>
#include <chrono>
#include <sys/mman.h>
#include <sys/stat.h>
#include <thread>

std::vector<entry> &entries() {
  static std::vector<entry> all;
  return all;
}

namespace {

// A meeting lets the sides start together, and stop together.
struct meeting {
  std::atomic<uint64_t> arrived; // each side adds 1 for each command
  char apart[120];
  std::atomic<uint64_t> finished; // the last command that a side has finished

  void wait(uint64_t all) {
    arrived.fetch_add(1);
    for (int looks = 0; arrived.load() < all; looks++) {
      if (looks < 1000)
        std::this_thread::yield();
      else
        std::this_thread::sleep_for(std::chrono::microseconds(10));
    }
  }
};

constexpr std::size_t page = 4096;

char *shared() {
  struct stat status;
  if (fstat(3, &status) != 0)
    fail("descriptor 3 is no file");
  void *memory = mmap(nullptr, status.st_size, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_POPULATE, 3, 0);
  if (memory == MAP_FAILED)
    fail("mmap failed");
  return static_cast<char *>(memory);
}

const entry &find(const std::string &row, const std::string &system) {
  for (const entry &e : entries())
    if (e.row == row && e.system == system)
      return e;
  fail("no such row and system");
}

constexpr uint64_t stride = 64; // operations between two looks whether another side has finished

void serve(const loop &run, meeting &meet, uint64_t sides, bool first) {
  std::puts("ready");
  std::fflush(stdout);
  uint64_t seq = 0, command = 0;
  for (unsigned long long n; std::scanf("%llu", &n) == 1;) {
    command++;
    meet.wait(command * sides);
    auto start = std::chrono::steady_clock::now();
    uint64_t done = 0;
    if (first) {
      for (; done < n && meet.finished.load() < command; done += stride)
        run(seq + done, stride);
      meet.finished.store(command);
    } else {
      run(seq, n);
      done = n;
    }
    auto took = std::chrono::steady_clock::now() - start;
    seq += done;
    std::printf("%llu %lld\n", static_cast<unsigned long long>(done),
                static_cast<long long>(std::chrono::nanoseconds(took).count()));
    std::fflush(stdout);
  }
}

} // namespace

int main(int argc, char **argv) {
  if (argc == 1) {
    for (const entry &e : entries())
      std::printf("%s\t%s\n", e.row.c_str(), e.system.c_str());
    return 0;
  }
  if (argc != 6)
    fail("want: row system side sides all|first");
  const entry &e = find(argv[1], argv[2]);
  char *memory = shared();
  loop run = e.make(memory + page, std::atoi(argv[3]));
  serve(run, *reinterpret_cast<meeting *>(memory), std::atoi(argv[4]), std::string(argv[5]) == "first");
}
