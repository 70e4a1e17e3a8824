// A captured packet as the Ethernet frame that it is judged as: other links' packets get an
// Ethernet header, what encapsulates the datagram on its link is taken off, and what the capture
// lacks is put in (captured_ip.h).
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "wire/capture_record.h"
#include "wire/link_header.h"

namespace vethwall::wire {

// `at`: the octet of the file that names it.
std::string unreadable(LinkType link_type, size_t at);

class LinkFramer {
 public:
  // Valid until the next call. A packet too short for its link header, or of a link type that is
  // not readable, gives an empty frame, which decode() calls truncated.
  Frame as_ethernet(LinkType link_type, std::span<const uint8_t> packet, CaptureCut cut);

 private:
  void write_header(const LinkHeader& header);

  std::vector<uint8_t> made_;
};

}  // namespace vethwall::wire
