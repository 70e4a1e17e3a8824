#include "os/poller.h"

#include "os/fault.h"

namespace vethwall::os {

Poller::Poller() : fd_(check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1", "shard")) {}

void Poller::add(int fd, uint32_t number) {
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.u32 = number;
  check(::epoll_ctl(fd_.get(), EPOLL_CTL_ADD, fd, &event), "epoll_ctl", "shard");
}

void Poller::remove(int fd) noexcept { ::epoll_ctl(fd_.get(), EPOLL_CTL_DEL, fd, nullptr); }

std::span<const uint32_t> Poller::wait(int timeout_ms) noexcept {
  const int count = ::epoll_wait(fd_.get(), events_.data(), kEvents, timeout_ms);
  if (count <= 0) return {};
  for (int i = 0; i < count; i++)
    numbers_[static_cast<size_t>(i)] = events_[static_cast<size_t>(i)].data.u32;
  return std::span(numbers_).first(static_cast<size_t>(count));
}

}  // namespace vethwall::os
