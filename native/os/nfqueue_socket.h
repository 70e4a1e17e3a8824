// A bound NFQUEUE queue of one network namespace (nfnetlink_queue): packets in, verdicts out.
#pragma once
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "os/fd.h"
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
};

class NfqueueSocket {
 public:
  NfqueueSocket(int netns_fd, const wire::QueueSettings& settings);

  int receive(DatagramBatch& batch);
  // Goes out with the next flush().
  void verdict(uint32_t packet_id, bool accepts, uint32_t mark) noexcept;
  void flush() noexcept;
  void set_fail_open(bool fail_open);
  void update_statistics();
  void failed() { counts_.verdicts_failed++; }
  const QueueCounts& counts() const { return counts_; }
  int fd() const { return fd_.get(); }
  // Of the network namespace.
  uint64_t namespace_id() const { return namespace_id_; }

 private:
  static constexpr size_t kBufferedVerdicts = 256;

  void bind_queue();
  void send(std::span<const uint8_t> message);

  wire::QueueSettings settings_;
  uint64_t namespace_id_ = 0;
  Fd fd_;
  Fd statistics_;
  QueueCounts counts_;
  std::array<uint8_t, kBufferedVerdicts * wire::kVerdictOctets> verdicts_;
  size_t verdict_octets_ = 0;
};

}  // namespace vethwall::os
