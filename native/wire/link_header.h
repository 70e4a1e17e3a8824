// What a captured packet has before its network layer, whatever the link: Ethernet with tags,
// PPP, 802.11, raw IP, loopback, Linux cooked, and PPPoE, MPLS and LLC within.
#pragma once
#include <array>
#include <cstdint>

#include "wire/packet.h"
#include "wire/reader.h"

namespace vethwall::wire {

// tcpdump.org/linktypes; 12 and 14 are what some systems write for raw IP.
enum class LinkType : uint16_t {
  kNull = 0,
  kEthernet = 1,
  kPpp = 9,
  kRawAsWritten = 12,
  kRawAsWrittenToo = 14,
  kPppSerial = 50,
  kPppEther = 51,
  kRaw = 101,
  kCiscoHdlc = 104,
  kWireless = 105,
  kLoop = 108,
  kLinuxSll = 113,
  kRadiotap = 127,
  kIpv4 = 228,
  kIpv6 = 229,
  kLinuxSll2 = 276,
};

bool is_readable(LinkType link_type);

struct LinkHeader {
  std::array<uint8_t, 6> destination = {};
  std::array<uint8_t, 6> source = {};
  std::array<uint32_t, kMaxVlans> vlan_tags = {};  // TPID << 16 | TCI, the innermost ones
  uint8_t vlan_count = 0;
  uint16_t ethertype = 0;  // 0 = what follows has none
};

// Moves to the network layer. False where the packet is shorter than its headers.
bool read_link_header(LinkType link_type, Reader& packet, LinkHeader& out);

}  // namespace vethwall::wire
