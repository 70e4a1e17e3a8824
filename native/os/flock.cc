#include "os/flock.h"

#include <sys/file.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <ctime>
#include <string>

#include "os/fault.h"

namespace vethwall::os {
namespace {

using Clock = std::chrono::steady_clock;

// A signal that comes between the look at the clock and the call ends nothing: so again and again.
constexpr long kAgainNs = 20'000'000;

void wake(int /*signal*/) {}

// Nobody else's in this process. The handler stays: of a timer that is gone a signal may still be
// pending.
void take_signal() {
  struct sigaction action = {};
  action.sa_handler = wake;
  check(::sigaction(SIGRTMAX, &action, nullptr), "sigaction", "SIGRTMAX");
  sigset_t ours;
  sigemptyset(&ours);
  sigaddset(&ours, SIGRTMAX);
  ::pthread_sigmask(SIG_UNBLOCK, &ours, nullptr);
}

// From the time limit on this thread's system calls end with EINTR. alarm(2) would be the whole
// process's; a timer's signal may be for one thread (timer_create(2), SIGEV_THREAD_ID).
class Interrupting {
 public:
  explicit Interrupting(int after_ms) {
    take_signal();
    struct sigevent event = {};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGRTMAX;
    event._sigev_un._tid = ::gettid();
    check(::timer_create(CLOCK_MONOTONIC, &event, &timer_), "timer_create", "SIGEV_THREAD_ID");
    const struct itimerspec times = {
        .it_interval = {.tv_sec = 0, .tv_nsec = kAgainNs},
        .it_value = {.tv_sec = after_ms / 1000, .tv_nsec = after_ms % 1000 * 1'000'000L}};
    check(::timer_settime(timer_, 0, &times, nullptr), "timer_settime", "SIGEV_THREAD_ID");
  }
  ~Interrupting() { ::timer_delete(timer_); }
  Interrupting(const Interrupting&) = delete;
  Interrupting& operator=(const Interrupting&) = delete;

 private:
  timer_t timer_ = {};
};

bool try_lock(int fd, int operation) {
  if (::flock(fd, operation) == 0) return true;
  if (errno != EWOULDBLOCK && errno != EINTR) fail(errno, "flock", "fd " + std::to_string(fd));
  return false;
}

}  // namespace

bool lock_exclusive(int fd, int timeout_ms) {
  if (try_lock(fd, LOCK_EX | LOCK_NB)) return true;
  if (timeout_ms == 0) return false;
  const Clock::time_point deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
  const Interrupting interrupting(timeout_ms);
  // Not before: who goes back to the lock queues up behind all others.
  while (Clock::now() < deadline)
    if (try_lock(fd, LOCK_EX)) return true;
  return false;
}

}  // namespace vethwall::os
