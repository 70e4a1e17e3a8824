#include "flow/tcp_options.h"

#include <algorithm>

#include "wire/reader.h"

namespace vethwall::flow {
namespace {

constexpr uint32_t kTcpHeaderOctets = 20;
constexpr uint8_t kEnd = 0, kNop = 1, kWindowScale = 3, kTimestamp = 8, kMd5 = 19,
                  kAuthentication = 29;
constexpr uint8_t kMaxWindowScale = 14;  // RFC 7323 §2.3

void read_option(std::span<const uint8_t> option, SegmentOptions& out) {
  if (option[0] == kWindowScale && option.size() == 3) {
    out.syn.has_window_scale = true;
    out.syn.window_scale = std::min(option[2], kMaxWindowScale);
  }
  if (option[0] == kTimestamp && option.size() == 10) {
    out.syn.has_timestamp = true;
    out.timestamp = wire::load_be32(option.data() + 2);
    out.echoed_timestamp = wire::load_be32(option.data() + 6);
  }
  if (option[0] == kMd5) out.syn.is_signed = true;
  if (option[0] == kAuthentication) out.syn.is_authenticated = true;
}

}  // namespace

SegmentOptions read_options(wire::Frame frame, const wire::Packet& packet) {
  SegmentOptions out;
  const uint32_t begin = packet.l4_offset + kTcpHeaderOctets;
  if (packet.payload_offset <= begin || packet.payload_offset > frame.size()) return out;
  std::span<const uint8_t> rest = frame.subspan(begin, packet.payload_offset - begin);
  while (!rest.empty() && rest[0] != kEnd) {
    if (rest[0] == kNop) {
      rest = rest.subspan(1);
      continue;
    }
    if (rest.size() < 2 || rest[1] < 2 || rest[1] > rest.size()) {
      out.unread_octets = static_cast<uint32_t>(rest.size());
      break;
    }
    read_option(rest.first(rest[1]), out);
    if (rest[0] == kTimestamp)
      out.timestamp_at = static_cast<uint32_t>(packet.payload_offset - rest.size() + 2);
    rest = rest.subspan(rest[1]);
  }
  return out;
}

}  // namespace vethwall::flow
