#include "os/unix_exchange.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <utility>

#include "os/fault.h"
#include "os/fd.h"

namespace vethwall::os {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kReadOctets = 4096;
// While the listener's queue is full, which poll(2) does not tell.
constexpr int kRetryMs = 2;

class Exchange {
 public:
  Exchange(std::string subject, int timeout_ms, Fd fd = Fd())
      : path_(std::move(subject)),
        deadline_(Clock::now() + std::chrono::milliseconds(timeout_ms)),
        fd_(std::move(fd)) {}

  void connect() {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    if (path_.size() >= sizeof address.sun_path) fail(ENAMETOOLONG, "connect", path_);
    std::memcpy(address.sun_path, path_.data(), path_.size());
    fd_ = Fd(
        check(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket", path_));
    while (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
      if (errno == EAGAIN) {
        ::poll(nullptr, 0, std::min(kRetryMs, left_ms()));
      } else if (errno != EINTR) {
        fail(errno, "connect", path_);
      }
    }
  }

  void send(std::span<const uint8_t> octets) {
    while (!octets.empty()) {
      const ssize_t sent = ::send(fd_.get(), octets.data(), octets.size(), MSG_NOSIGNAL);
      if (sent >= 0) {
        octets = octets.subspan(static_cast<size_t>(sent));
      } else {
        wait_if_busy("send", POLLOUT);
      }
    }
  }

  Fd release() { return std::move(fd_); }

  // False at the end of the stream.
  bool receive(std::vector<uint8_t>& answer) {
    std::array<uint8_t, kReadOctets> octets;
    for (;;) {
      const ssize_t got = ::recv(fd_.get(), octets.data(), octets.size(), 0);
      if (got >= 0) {
        answer.insert(answer.end(), octets.begin(), octets.begin() + got);
        return got > 0;
      }
      wait_if_busy("recv", POLLIN);
    }
  }

 private:
  int left_ms() const {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
    if (left.count() <= 0) fail(ETIMEDOUT, "poll", path_);
    return static_cast<int>(left.count());
  }

  void wait_if_busy(const char* call, short events) {
    if (errno != EAGAIN && errno != EINTR) fail(errno, call, path_);
    pollfd waiting = {fd_.get(), events, 0};
    ::poll(&waiting, 1, left_ms());
  }

  const std::string path_;
  const Clock::time_point deadline_;
  Fd fd_;
};

bool ends(std::span<const uint8_t> answer, std::string_view mark) {
  return std::search(answer.begin(), answer.end(), mark.begin(), mark.end()) != answer.end();
}

}  // namespace

Fd unix_send(const std::string& path, std::span<const uint8_t> request, int timeout_ms) {
  Exchange exchange(path, timeout_ms);
  exchange.connect();
  exchange.send(request);
  return exchange.release();
}

std::vector<uint8_t> unix_answer(Fd fd, const AnswerLimit& limit) {
  const std::string subject = "fd " + std::to_string(fd.get());
  Exchange exchange(subject, limit.timeout_ms, std::move(fd));
  std::vector<uint8_t> answer;
  while (answer.size() < limit.octets && !ends(answer, limit.end)) {
    if (!exchange.receive(answer)) break;
  }
  return answer;
}

}  // namespace vethwall::os
