// One direction of a TCP connection, as 64-bit offsets from the first octet after its SYN.
#pragma once
#include <algorithm>
#include <cstdint>

#include "flow/tcp_options.h"

namespace vethwall::flow {

inline constexpr uint64_t kNowhere = ~uint64_t{0};

struct TcpHalf {
  uint32_t base = 0;  // sequence number of offset 0
  bool known = false;
  bool has_edge = false;
  SynOptions options = {};
  uint64_t sent = 0;           // end of what went on to the receiver, its FIN counted as one
  uint64_t acked = 0;          // what the receiver has acknowledged, never above `sent`
  uint64_t edge = 0;           // right edge of the widest window that the receiver has offered
  uint64_t fin_at = kNowhere;  // offset of the FIN that went on

  void start(uint32_t sequence) {
    base = sequence;
    known = true;
  }
  uint32_t sequence_of(uint64_t offset) const { return base + static_cast<uint32_t>(offset); }
  // The offset nearest to what the receiver last acknowledged: no sender moves that alone, so
  // forged segments can't shift how later ones are read. Negative: before the stream.
  int64_t offset_of(uint32_t sequence) const {
    const uint64_t near = acked > 0 || has_edge ? acked : sent;
    return static_cast<int64_t>(near) + static_cast<int32_t>(sequence - sequence_of(near));
  }
  void send_to(uint64_t end, bool fin) {
    // Before what went on already it is an old one, and none.
    if (fin && end >= sent) fin_at = end;
    sent = std::max(sent, end + (fin ? 1 : 0));
  }
  bool acknowledges_unsent(uint32_t acknowledgement) const {
    return offset_of(acknowledgement) > static_cast<int64_t>(sent);
  }
  // A SYN's, before anything is acknowledged (RFC 7323 §2.2: it is never scaled). A server that
  // takes octets of a SYN answers into it (RFC 7413 §4.2.2).
  void offer(uint16_t window_octets) { edge = window_octets; }
  // `window_octets` is after scaling.
  void acknowledge(uint32_t acknowledgement, uint32_t window_octets) {
    const int64_t offset = offset_of(acknowledgement);
    if (offset < 0 || offset > static_cast<int64_t>(sent)) return;
    acked = std::max(acked, static_cast<uint64_t>(offset));
    edge = std::max(edge, static_cast<uint64_t>(offset) + window_octets);
    has_edge = true;
  }
  bool is_fin_acked() const { return fin_at != kNowhere && acked > fin_at; }
};

}  // namespace vethwall::flow
