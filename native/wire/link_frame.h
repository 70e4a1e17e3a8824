// A captured packet as an Ethernet frame: raw IP, loopback and Linux cooked packets get an Ethernet
// header.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "wire/packet.h"
#include "wire/reader.h"

namespace vethwall::wire {

// tcpdump.org/linktypes; 12 is what some systems write for raw IP.
enum class LinkType : uint16_t {
  kNull = 0,
  kEthernet = 1,
  kRawAsWritten = 12,
  kRaw = 101,
  kLoop = 108,
  kLinuxSll = 113,
  kIpv4 = 228,
  kIpv6 = 229,
  kLinuxSll2 = 276,
};

bool is_readable(LinkType link_type);
// `at`: the octet of the file that names it.
std::string unreadable(LinkType link_type, size_t at);

class LinkFramer {
 public:
  // Valid until the next call. A packet too short for its link header, or of a link type that is
  // not readable, gives an empty frame, which decode() calls truncated.
  Frame as_ethernet(LinkType link_type, std::span<const uint8_t> packet);

 private:
  // An Ethernet header before the rest of `packet`.
  Frame framed(Reader packet, const std::array<uint8_t, 6>& source, bool is_broadcast,
               uint16_t ethertype);
  Frame framed_ip(Reader packet);

  std::vector<uint8_t> made_;
};

}  // namespace vethwall::wire
