// epoll(7), level-triggered: many descriptors, each known by a number.
#pragma once
#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <span>

#include "os/fd.h"

namespace vethwall::os {

class Poller {
 public:
  Poller();
  void add(int fd, uint32_t number);
  // Before the descriptor is closed.
  void remove(int fd) noexcept;
  // The numbers of those that are readable or at fault; all have their turn, whatever their number.
  // Valid until the next call.
  std::span<const uint32_t> wait(int timeout_ms) noexcept;

 private:
  static constexpr int kEvents = 64;
  Fd fd_;
  std::array<epoll_event, kEvents> events_;
  std::array<uint32_t, kEvents> numbers_;
};

}  // namespace vethwall::os
