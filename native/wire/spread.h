// Which of N shards a flow is judged by. Both directions of a flow, and a connection at both of its
// pods, come to the same one. os/spread_filter.cc is the same function in classic BPF, which tells
// the kernel whose socket a frame is for; that one reads ports of plain packets only, so what is
// known better later is handed over (engine/relay.h).
#pragma once
#include <cstdint>

#include "wire/packet.h"

namespace vethwall::wire {

// Multipliers of 32-bit mixing: odd, half of their bits set.
inline constexpr uint32_t kSpreadFold = 0x9e3779b1;
inline constexpr uint32_t kSpreadMix = 0x85ebca77;

struct Spread {
  uint32_t shards = 1;
  uint32_t seed = 0;  // random: who chooses ports must not choose the shard

  // Ports of TCP and UDP, 0 for all else. An IP packet only, with one VLAN tag at most.
  uint32_t of(const Address& a, uint16_t a_port, const Address& b, uint16_t b_port) const;
  // Fragments by their addresses; what is no IP, or under two tags, is shard 0's.
  uint32_t of(const Packet& packet) const;
  // An ICMP error is where the flow is that it is about.
  uint32_t of(Frame frame, const Packet& packet) const;
};

}  // namespace vethwall::wire
