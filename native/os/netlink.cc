#include "os/netlink.h"

#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <unordered_map>

#include "os/fault.h"
#include "os/netns.h"
#include "os/socket_options.h"

#ifndef NETLINK_EXT_ACK
#error "linux/netlink.h is older than 4.12: install current kernel headers"
#endif

namespace vethwall::os {
namespace {

using Clock = std::chrono::steady_clock;

// Room for the acknowledgements of a whole batch: each costs the receiver about 1 KiB of it.
constexpr int kSocketBufferOctets = 4 << 20;
// Above the 32 KiB that the kernel puts in one dump datagram, with room for an echoed request.
constexpr size_t kReceiveOctets = 256 << 10;

enum class Answer : uint8_t { kNone, kAck, kDump };

struct Message {
  nlmsghdr header;
  size_t offset;
  size_t aligned_octets;
};

// False at the end, or where no whole message is left.
bool next_message(std::span<const uint8_t> octets, size_t offset, Message& out) {
  if (offset > octets.size() || octets.size() - offset < sizeof(nlmsghdr)) return false;
  std::memcpy(&out.header, octets.data() + offset, sizeof(nlmsghdr));
  const size_t stated = out.header.nlmsg_len;
  if (stated < sizeof(nlmsghdr) || stated > octets.size() - offset) return false;
  out.offset = offset;
  out.aligned_octets = std::min<size_t>(NLMSG_ALIGN(stated), octets.size() - offset);
  return true;
}

// NLM_F_DUMP's bits mean REPLACE | EXCL in a message that creates; those carry NLM_F_CREATE.
bool is_dump(const nlmsghdr& header) {
  return (header.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP &&
         (header.nlmsg_flags & NLM_F_CREATE) == 0;
}

Answer expected(const nlmsghdr& header) {
  if (is_dump(header)) return Answer::kDump;
  return (header.nlmsg_flags & NLM_F_ACK) != 0 ? Answer::kAck : Answer::kNone;
}

class Request {
 public:
  Request(int fd, std::span<const uint8_t> batch, int timeout_ms)
      : fd_(fd), batch_(batch), deadline_(Clock::now() + std::chrono::milliseconds(timeout_ms)) {}

  std::vector<uint8_t> run() {
    size_t offset = 0;
    while (offset < batch_.size()) {
      const size_t end = part_end(offset);
      send(batch_.subspan(offset, end - offset));
      while (open_ > 0) receive();
      offset = end;
    }
    return std::move(received_);
  }

 private:
  // The batch goes as one sendmsg, but a socket runs one dump at a time (EBUSY): cut behind each.
  size_t part_end(size_t offset) {
    Message message;
    while (offset < batch_.size()) {
      if (!next_message(batch_, offset, message)) {
        fail(EINVAL, "sendmsg", "netlink batch", "no message at octet " + std::to_string(offset));
      }
      offset += message.aligned_octets;
      const Answer answer = expected(message.header);
      const bool added = awaited_.emplace(message.header.nlmsg_seq, answer).second;
      if (!added) fail(EINVAL, "sendmsg", "netlink batch", "sequence number used twice");
      if (answer != Answer::kNone) open_++;
      if (answer == Answer::kDump) break;
    }
    return offset;
  }

  void send(std::span<const uint8_t> octets) {
    sockaddr_nl kernel = {};
    kernel.nl_family = AF_NETLINK;
    for (;;) {
      const ssize_t sent = ::sendto(fd_, octets.data(), octets.size(), 0,
                                    reinterpret_cast<sockaddr*>(&kernel), sizeof kernel);
      if (sent == static_cast<ssize_t>(octets.size())) return;
      if (sent >= 0) fail(EMSGSIZE, "sendmsg", "netlink");
      if (errno != EINTR) fail(errno, "sendmsg", "netlink");
    }
  }

  // rtnetlink answers within sendto(), which may have waited for the kernel's lock for longer than
  // all of the time: what is there is read.
  void wait() {
    for (;;) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
      pollfd ready = {fd_, POLLIN, 0};
      const int count = ::poll(&ready, 1, std::max(0, static_cast<int>(left.count())));
      if (count > 0) return;
      if (count == 0) break;
      if (errno != EINTR) fail(errno, "poll", "netlink");
    }
    fail(ETIMEDOUT, "recvmsg", "netlink", std::to_string(open_) + " answers are missing");
  }

  void receive() {
    wait();
    const ssize_t octets = ::recv(fd_, buffer_.get(), kReceiveOctets, MSG_DONTWAIT | MSG_TRUNC);
    if (octets < 0 && (errno == EINTR || errno == EAGAIN)) return;
    check(octets, "recvmsg", "netlink");
    if (static_cast<size_t>(octets) > kReceiveOctets) fail(EMSGSIZE, "recvmsg", "netlink");
    take({buffer_.get(), static_cast<size_t>(octets)});
  }

  // What answers an earlier, timed-out request is passed over.
  void take(std::span<const uint8_t> datagram) {
    Message message;
    for (size_t offset = 0; next_message(datagram, offset, message);
         offset += message.aligned_octets) {
      const auto awaited = awaited_.find(message.header.nlmsg_seq);
      if (awaited == awaited_.end()) continue;
      const uint8_t* begin = datagram.data() + message.offset;
      received_.insert(received_.end(), begin, begin + message.header.nlmsg_len);
      received_.resize(NLMSG_ALIGN(received_.size()));
      const uint16_t type = message.header.nlmsg_type;
      const bool final = type == NLMSG_ERROR || type == NLMSG_DONE;
      if (!final || awaited->second == Answer::kNone) continue;
      awaited->second = Answer::kNone;
      open_--;
    }
  }

  int fd_;
  std::span<const uint8_t> batch_;
  Clock::time_point deadline_;
  std::unordered_map<uint32_t, Answer> awaited_;  // by sequence number
  size_t open_ = 0;
  // Not cleared: a short-lived process would pay for 64 pages, and most answers take one.
  std::unique_ptr<uint8_t[]> buffer_ = std::make_unique_for_overwrite<uint8_t[]>(kReceiveOctets);
  std::vector<uint8_t> received_;
};

}  // namespace

Fd netlink_open(int netns_fd, int protocol) {
  Fd fd;
  run_in_netns(netns_fd, [&] {
    fd = Fd(check(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), "socket",
                  "AF_NETLINK " + std::to_string(protocol)));
  });
  set_buffer(fd.get(), SO_RCVBUFFORCE, SO_RCVBUF, kSocketBufferOctets, "SO_RCVBUF");
  set_buffer(fd.get(), SO_SNDBUFFORCE, SO_SNDBUF, kSocketBufferOctets, "SO_SNDBUF");
  set_option(fd.get(), SOL_NETLINK, NETLINK_EXT_ACK, 1, "NETLINK_EXT_ACK");
  sockaddr_nl self = {};
  self.nl_family = AF_NETLINK;
  check(::bind(fd.get(), reinterpret_cast<sockaddr*>(&self), sizeof self), "bind", "AF_NETLINK");
  return fd;
}

Fd netlink_subscribe(int netns_fd, int protocol, std::span<const int> groups) {
  Fd fd = netlink_open(netns_fd, protocol);
  for (const int group : groups) {
    set_option(fd.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group, "NETLINK_ADD_MEMBERSHIP");
  }
  return fd;
}

std::optional<std::vector<uint8_t>> netlink_drain(int fd) {
  std::vector<uint8_t> received;
  std::vector<uint8_t> buffer(kReceiveOctets);
  bool is_whole = true;
  for (;;) {
    const ssize_t octets = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_TRUNC);
    if (octets < 0 && errno == EINTR) continue;
    if (octets < 0 && errno == EAGAIN) break;
    if (octets < 0 && errno != ENOBUFS) fail(errno, "recvmsg", "netlink");
    if (octets < 0 || static_cast<size_t>(octets) > buffer.size()) {
      is_whole = false;
      continue;
    }
    received.insert(received.end(), buffer.data(), buffer.data() + octets);
    received.resize(NLMSG_ALIGN(received.size()));
  }
  if (!is_whole) return std::nullopt;
  return received;
}

std::vector<uint8_t> netlink_request(int fd, std::span<const uint8_t> batch, int timeout_ms) {
  return Request(fd, batch, timeout_ms).run();
}

}  // namespace vethwall::os
