// NFQUEUE's netlink messages (linux/netfilter/nfnetlink_queue.h): packets that wait, and what is to
// become of them.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "wire/packet.h"

namespace vethwall::wire {

enum class Hook : uint8_t { kPreRouting = 0, kLocalIn, kForward, kLocalOut, kPostRouting };

struct QueuedPacket {
  uint32_t id = 0;
  Hook hook = Hook::kPreRouting;
  uint8_t family = 0;  // 4, 6; 0 = neither
  uint32_t mark = 0;
  uint32_t in_ifindex = 0;
  bool is_gso = false;
  bool needs_checksum = false;      // its L4 checksum is partial
  bool is_unverified = false;       // nobody has checked its L4 checksum
  bool is_cut = false;              // longer than what the kernel copies
  std::span<const uint8_t> octets;  // from the IP header on
};

// The messages of one datagram, in order.
class NfqueueReader {
 public:
  enum class Next : uint8_t {
    kEnd,
    kPacket,
    kAnswer,     // to a message of ours: answer_errno(), 0 = done
    kMalformed,  // and nothing behind it can be read
  };
  explicit NfqueueReader(std::span<const uint8_t> datagram) : rest_(datagram) {}
  Next next(QueuedPacket& out);
  int answer_errno() const { return answer_errno_; }
  uint32_t answer_sequence() const { return answer_sequence_; }

 private:
  std::span<const uint8_t> rest_;
  int answer_errno_ = 0;
  uint32_t answer_sequence_ = 0;
};

inline constexpr size_t kVerdictOctets = 40;
// NF_ACCEPT or NF_DROP; the packet goes on with `mark`.
std::array<uint8_t, kVerdictOctets> nfqueue_verdict(uint16_t queue, uint32_t packet_id,
                                                    bool accepts, uint32_t mark);

struct QueueSettings {
  uint16_t queue = 0;
  bool fail_open = false;
  // Where they are more the kernel lets them pass, or drops them, before it counts: only the
  // socket's buffer is to have an end (wire/missed_ids.h).
  uint32_t max_packets = UINT32_MAX;
};
// Binds the socket to the queue, whole packets, GSO as it is; answered under `sequence`.
std::vector<uint8_t> nfqueue_bind(const QueueSettings& settings, uint32_t sequence);
// Changes fail_open of a bound queue; not answered unless it fails.
std::vector<uint8_t> nfqueue_set_fail_open(const QueueSettings& settings);

// The vnet header for a queued packet behind an Ethernet header, as AF_PACKET would have told it.
// The kernel does not tell the segment's size: of TCP it is what fits into `mtu_octets`, of UDP 0.
VnetHeader vnet_of(const QueuedPacket& packet, Frame frame, uint32_t mtu_octets);

}  // namespace vethwall::wire
