#include "os/nfqueue_socket.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "os/fault.h"
#include "os/netns.h"

namespace vethwall::os {
namespace {

constexpr int kReceiveBufferOctets = 64 << 20;
// A whole packet and the attributes in front of it.
constexpr size_t kDatagramOctets = 66 << 10;
constexpr uint32_t kBindSequence = 1;
constexpr int kAnswerMs = 2000;
constexpr const char* kStatistics = "/proc/thread-self/net/netfilter/nfnetlink_queue";

std::string name_of(const wire::QueueSettings& settings) {
  return "NFQUEUE " + std::to_string(settings.queue);
}

uint64_t id_of_namespace() {
  struct stat status = {};
  check(::stat("/proc/thread-self/ns/net", &status), "stat", "/proc/thread-self/ns/net");
  return status.st_ino;
}

}  // namespace

DatagramBatch::DatagramBatch() : octets_(new uint8_t[kBatchPackets * kDatagramOctets]) {
  for (size_t i = 0; i < kBatchPackets; i++) {
    parts_[i] = {octets_.get() + i * kDatagramOctets, kDatagramOctets};
    headers_[i].msg_hdr.msg_iov = &parts_[i];
    headers_[i].msg_hdr.msg_iovlen = 1;
  }
}

int DatagramBatch::receive(int fd) {
  return ::recvmmsg(fd, headers_.data(), kBatchPackets, MSG_DONTWAIT, nullptr);
}

std::span<uint8_t> DatagramBatch::operator[](size_t index) {
  return {octets_.get() + index * kDatagramOctets,
          std::min<size_t>(headers_[index].msg_len, kDatagramOctets)};
}

NfqueueSocket::NfqueueSocket(int netns_fd, const wire::QueueSettings& settings)
    : settings_(settings) {
  run_in_netns(netns_fd, [&] {
    namespace_id_ = id_of_namespace();
    fd_ = Fd(check(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER), "socket",
                   "NETLINK_NETFILTER"));
    // Read again and again, it stays this namespace's.
    statistics_ = Fd(check(::open(kStatistics, O_RDONLY | O_CLOEXEC), "open", kStatistics));
  });
  const int octets = kReceiveBufferOctets;
  if (::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof octets) < 0)
    check(::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &octets, sizeof octets), "setsockopt",
          "SO_RCVBUF");
  const int on = 1;
  check(::setsockopt(fd_.get(), SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof on), "setsockopt",
        "NETLINK_NO_ENOBUFS");
  bind_queue();
}

void NfqueueSocket::send(std::span<const uint8_t> message) {
  sockaddr_nl kernel = {};
  kernel.nl_family = AF_NETLINK;
  ssize_t sent = -1;
  do {
    sent = ::sendto(fd_.get(), message.data(), message.size(), 0,
                    reinterpret_cast<sockaddr*>(&kernel), sizeof kernel);
  } while (sent < 0 && errno == EINTR);
  check(sent, "sendto", name_of(settings_));
}

// Packets may be in front of the answer: nobody can judge them yet.
void NfqueueSocket::bind_queue() {
  send(wire::nfqueue_bind(settings_, kBindSequence));
  std::vector<uint8_t> buffer(kDatagramOctets);
  for (;;) {
    pollfd ready = {fd_.get(), POLLIN, 0};
    const int count = ::poll(&ready, 1, kAnswerMs);
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) fail(ETIMEDOUT, "bind", name_of(settings_));
    const ssize_t octets = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (octets < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    check(octets, "recv", name_of(settings_));
    wire::NfqueueReader reader({buffer.data(), static_cast<size_t>(octets)});
    wire::QueuedPacket packet;
    using Next = wire::NfqueueReader::Next;
    for (Next next = reader.next(packet); next != Next::kEnd; next = reader.next(packet)) {
      if (next == Next::kMalformed) break;
      if (next == Next::kPacket) {
        came(packet.id);
        verdict(packet.id, false, packet.mark);
        continue;
      }
      if (reader.answer_errno() != 0) fail(reader.answer_errno(), "bind", name_of(settings_));
      return flush();
    }
  }
}

int NfqueueSocket::receive(DatagramBatch& batch) {
  const int count = batch.receive(fd_.get());
  if (count >= 0) return count;
  if (errno != EAGAIN && errno != EINTR) counts_.receive_errors++;
  return 0;
}

void NfqueueSocket::verdict(uint32_t packet_id, bool accepts, uint32_t mark) noexcept {
  if (verdict_octets_ == verdicts_.size()) flush();
  const auto message = wire::nfqueue_verdict(settings_.queue, packet_id, accepts, mark);
  std::copy(message.begin(), message.end(), verdicts_.begin() + verdict_octets_);
  verdict_octets_ += message.size();
}

// The kernel applies each in turn before the call returns.
void NfqueueSocket::flush() noexcept {
  if (verdict_octets_ == 0) return;
  sockaddr_nl kernel = {};
  kernel.nl_family = AF_NETLINK;
  ssize_t sent = -1;
  do {
    sent = ::sendto(fd_.get(), verdicts_.data(), verdict_octets_, 0,
                    reinterpret_cast<sockaddr*>(&kernel), sizeof kernel);
  } while (sent < 0 && (errno == EINTR || errno == EAGAIN));
  if (sent < 0) counts_.verdicts_failed += verdict_octets_ / wire::kVerdictOctets;
  verdict_octets_ = 0;
}

void NfqueueSocket::set_fail_open(bool fail_open) {
  settings_.fail_open = fail_open;
  send(wire::nfqueue_set_fail_open(settings_));
}

bool NfqueueSocket::is_read_empty() const {
  pollfd ready = {fd_.get(), POLLIN, 0};
  return ::poll(&ready, 1, 0) == 0;
}

// Lines of: queue, port id, waiting, copy mode, copy range, dropped since the queue was full,
// dropped since the socket was full, last id, 1.
bool NfqueueSocket::read_statistics(Statistics& out) const {
  std::array<char, 4096> text;
  std::string all;
  ssize_t octets;
  while ((octets = ::pread(statistics_.get(), text.data(), text.size(),
                           static_cast<off_t>(all.size()))) > 0)
    all.append(text.data(), static_cast<size_t>(octets));
  for (size_t at = 0; at < all.size();) {
    const size_t end = std::min(all.find('\n', at), all.size());
    unsigned queue, port, waiting, mode, range;
    const std::string line = all.substr(at, end - at);
    if (std::sscanf(line.c_str(), "%u %u %u %u %u %u %u %u", &queue, &port, &waiting, &mode, &range,
                    &out.queue_full, &out.socket_full, &out.last_id) == 8 &&
        queue == settings_.queue)
      return true;
    at = end + 1;
  }
  return false;
}

// An id of the time before may still have been on its way into the socket when it was told, but no
// longer: where the socket is empty now, all up to it that would come have come. Of those that did
// not the kernel dropped what it says, and let pass the others. What it drops meanwhile it counts
// first, so that nothing is ever taken for passed that was not.
void NfqueueSocket::update_statistics() {
  Statistics now;
  if (!read_statistics(now)) return;
  if (is_read_empty()) missed_.none_until(told_.last_id);
  socket_full_ += now.socket_full - told_.socket_full;
  counts_.overflowed += now.queue_full - told_.queue_full;
  counts_.overflowed += now.socket_full - told_.socket_full;
  if (missed_.count() > socket_full_)
    counts_.passed_unread = std::max(counts_.passed_unread, missed_.count() - socket_full_);
  told_ = now;
}

}  // namespace vethwall::os
