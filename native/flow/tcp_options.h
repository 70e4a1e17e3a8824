// Options of TCP segments: how wide later windows are and how old a segment is (RFC 7323), and
// whether it is signed (RFC 2385, RFC 5925).
#pragma once
#include <cstdint>

#include "wire/packet.h"

namespace vethwall::flow {

// What holds for the connection.
struct SynOptions {
  bool has_window_scale : 1 = false;
  bool has_timestamp : 1 = false;
  bool is_signed : 1 = false;         // RFC 2385
  bool is_authenticated : 1 = false;  // RFC 5925
  uint8_t window_scale = 0;
};

struct SegmentOptions {
  SynOptions syn;
  uint32_t timestamp = 0;
  uint32_t echoed_timestamp = 0;
  uint32_t timestamp_at = 0;   // in the frame
  uint32_t unread_octets = 0;  // from an option on that is no option
};

// As Linux's tcp_parse_options() reads them: up to the first that is cut short.
SegmentOptions read_options(wire::Frame frame, const wire::Packet& packet);
inline SynOptions read_syn_options(wire::Frame frame, const wire::Packet& packet) {
  return read_options(frame, packet).syn;
}

}  // namespace vethwall::flow
