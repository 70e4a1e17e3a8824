#include "os/flock.h"

#include <sys/file.h>

#include <chrono>
#include <string>
#include <thread>

#include "os/fault.h"

namespace vethwall::os {

// There is no flock with a deadline, and an alarm signal would belong to the whole process.
bool lock_exclusive(int fd, int timeout_ms) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
  for (;;) {
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
    if (errno != EWOULDBLOCK && errno != EINTR) fail(errno, "flock", "fd " + std::to_string(fd));
    if (Clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

}  // namespace vethwall::os
