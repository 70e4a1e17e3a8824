// What the frame builders share: the head of a frame, and the mending of one that was cut.
#pragma once
#include <span>
#include <vector>

#include "wire/build.h"

namespace vethwall::wire {

inline constexpr uint16_t kTcpChecksumAt = 16;
inline constexpr uint16_t kUdpChecksumAt = 6;
// The largest TCP payload that one frame of ours carries: IPv4's total length is 16 bits.
inline constexpr size_t kMaxTcpPayload = 65535 - 20 - 20;
// RFC 8200 §5: 1280 octets pass every link; less the IPv6 and TCP headers.
inline constexpr uint16_t kSafeSegment = 1280 - 40 - 20;

// Ethernet, tags and IP header of a datagram with `l4_octets` behind them, with room for these.
std::vector<uint8_t> frame_head(const L3Template& l3, uint8_t protocol, size_t l4_octets);

// The kernel finishes the checksum: virtio 1.2 §5.1.6.2, the field holds the pseudo-header's sum.
void leave_checksum_partial(Built& built, const L3Template& l3, uint8_t protocol, size_t l4_offset,
                            uint16_t checksum_at);

// The same over the headers that were copied from another frame: IP length, IPv4 checksum, L4.
void mend_lengths(Built& built, const Packet& packet, uint16_t checksum_at);

}  // namespace vethwall::wire
