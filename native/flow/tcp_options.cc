#include "flow/tcp_options.h"

#include <algorithm>

namespace vethwall::flow {
namespace {

constexpr uint32_t kTcpHeaderOctets = 20;
constexpr uint8_t kEnd = 0, kNop = 1, kWindowScale = 3;
constexpr uint8_t kMaxWindowScale = 14;  // RFC 7323 §2.3

void read_option(std::span<const uint8_t> option, SynOptions& out) {
  if (option[0] == kWindowScale && option.size() == 3) {
    out.has_window_scale = true;
    out.window_scale = std::min(option[2], kMaxWindowScale);
  }
}

}  // namespace

SynOptions read_syn_options(wire::Frame frame, const wire::Packet& packet) {
  SynOptions out;
  const uint32_t begin = packet.l4_offset + kTcpHeaderOctets;
  if (packet.payload_offset <= begin || packet.payload_offset > frame.size()) return out;
  std::span<const uint8_t> rest = frame.subspan(begin, packet.payload_offset - begin);
  while (!rest.empty() && rest[0] != kEnd) {
    if (rest[0] == kNop) {
      rest = rest.subspan(1);
      continue;
    }
    if (rest.size() < 2 || rest[1] < 2 || rest[1] > rest.size()) break;
    read_option(rest.first(rest[1]), out);
    rest = rest.subspan(rest[1]);
  }
  return out;
}

}  // namespace vethwall::flow
