#include "os/netns.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include <exception>
#include <system_error>
#include <thread>

#include "os/fault.h"
#include "os/fd.h"
#include "os/mount.h"

namespace vethwall::os {
namespace {

void run_on_thread(const std::function<void()>& body) {
  std::exception_ptr thrown;
  try {
    std::thread([&] {
      try {
        body();
      } catch (...) {
        thrown = std::current_exception();
      }
    }).join();
  } catch (const std::system_error& error) {
    fail(error.code().value(), "pthread_create", "network namespace");  // pids.max
  }
  if (thrown) std::rethrow_exception(thrown);
}

void bind_over(const std::string& source, const std::string& path) {
  make_parent_directories(path);
  const Fd target(
      check(::open(path.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0444), "open", path));
  check(::mount(source.c_str(), path.c_str(), nullptr, MS_BIND, nullptr), "mount", path);
}

}  // namespace

void run_in_netns(int netns_fd, const std::function<void()>& body) {
  if (netns_fd < 0) return body();
  run_on_thread([&] {
    check(::setns(netns_fd, CLONE_NEWNET), "setns", "fd " + std::to_string(netns_fd));
    body();
  });
}

void netns_create(const std::string& path) {
  run_on_thread([&] {
    check(::unshare(CLONE_NEWNET), "unshare", path);
    bind_over("/proc/thread-self/ns/net", path);
  });
}

void netns_bind(int fd, const std::string& path) {
  bind_over("/proc/self/fd/" + std::to_string(fd), path);
}

}  // namespace vethwall::os
