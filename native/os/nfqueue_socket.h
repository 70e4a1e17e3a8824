// A bound NFQUEUE queue of one network namespace (nfnetlink_queue): packets in, verdicts out.
#pragma once
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "os/fd.h"
#include "wire/missed_ids.h"
#include "wire/nfqueue.h"

namespace vethwall::os {

inline constexpr size_t kBatchPackets = 32;

// Where one batch of datagrams lies; all queues of a thread share it.
class DatagramBatch {
 public:
  DatagramBatch();
  // Up to kBatchPackets that wait now, valid until the next call. -1: errno says why.
  int receive(int fd);
  std::span<uint8_t> operator[](size_t index);

 private:
  std::unique_ptr<uint8_t[]> octets_;
  std::array<iovec, kBatchPackets> parts_;
  std::array<mmsghdr, kBatchPackets> headers_ = {};
};

struct QueueCounts {
  uint64_t receive_errors = 0;
  uint64_t verdicts_failed = 0;  // of packets that the kernel no longer had, or verdicts not taken
  uint64_t overflowed = 0;       // dropped by the kernel: queue or socket was full
  uint64_t passed_unread = 0;    // accepted by the kernel: the socket was full, and fail_open set
};

class NfqueueSocket {
 public:
  NfqueueSocket(int netns_fd, const wire::QueueSettings& settings);

  int receive(DatagramBatch& batch);
  // Each packet's, in the order that they were read in.
  void came(uint32_t packet_id) { missed_.came(packet_id); }
  // Goes out with the next flush().
  void verdict(uint32_t packet_id, bool accepts, uint32_t mark) noexcept;
  void flush() noexcept;
  void set_fail_open(bool fail_open);
  // What passed unread is counted a call later.
  void update_statistics();
  void failed() { counts_.verdicts_failed++; }
  const QueueCounts& counts() const { return counts_; }
  int fd() const { return fd_.get(); }
  // Of the network namespace.
  uint64_t namespace_id() const { return namespace_id_; }

 private:
  static constexpr size_t kBufferedVerdicts = 256;

  // A line of /proc/net/netfilter/nfnetlink_queue; the counts wrap.
  struct Statistics {
    uint32_t queue_full;
    uint32_t socket_full;
    uint32_t last_id;
  };

  void bind_queue();
  void send(std::span<const uint8_t> message);
  bool is_read_empty() const;
  bool read_statistics(Statistics& out) const;

  wire::QueueSettings settings_;
  uint64_t namespace_id_ = 0;
  Fd fd_;
  Fd statistics_;
  QueueCounts counts_;
  Statistics told_ = {};
  uint64_t socket_full_ = 0;
  wire::MissedIds missed_;
  std::array<uint8_t, kBufferedVerdicts * wire::kVerdictOctets> verdicts_;
  size_t verdict_octets_ = 0;
};

}  // namespace vethwall::os
