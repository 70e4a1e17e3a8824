#include "differential/peer.h"

#include <netinet/in.h>

#include <algorithm>

#include "differential/octets.h"
#include "engine/tcp_flags.h"

namespace vethwall::differential {
namespace {

using engine::kAck, engine::kFin, engine::kSyn;

constexpr size_t kTcpOctets = 20;

// The time that a segment of the kernel tells (RFC 7323 §3.2), or 0.
uint32_t time_of(wire::Frame frame, const wire::Packet& packet) {
  size_t at = packet.l4_offset + kTcpOctets;
  while (at + 10 <= packet.payload_offset && frame[at] != 0) {
    if (frame[at] == 8) return load_be32(frame, at + 2);
    at += frame[at] == 1 ? 1 : std::max<size_t>(2, frame[at + 1]);
  }
  return 0;
}

}  // namespace

char octet_at(int64_t at, uint32_t fill) {
  const auto step = static_cast<unsigned>(static_cast<uint64_t>(at) * 7 % 26);
  return static_cast<char>(fill == 0 ? 'a' + step : '0' + (fill + step) % 10);
}

void Peer::take(const wire::Packet& packet, wire::Frame frame) {
  if (packet.protocol != IPPROTO_TCP || (packet.tcp_flags & 4) != 0) return;
  const bool is_syn = (packet.tcp_flags & kSyn) != 0;
  if (is_syn) {
    if (!knows_kernel_ || kernel_base_ != packet.sequence + 1) kernel_next_ = packet.sequence + 1;
    kernel_base_ = packet.sequence + 1;
    knows_kernel_ = true;
    for (const Syn& syn : syns_)
      if (packet.acknowledgement - syn.base <= syn.octets) answered_ = syn.base;
  }
  const uint32_t end =
      packet.sequence + packet.payload_octets + (is_syn ? 1 : 0) + (packet.tcp_flags & kFin);
  if (static_cast<int32_t>(end - kernel_next_) > 0) kernel_next_ = end;
  const uint32_t time = time_of(frame, packet);
  // Before the handshake is complete Linux's tcp_check_req() wants the SYN-ACK's time back.
  if (time != 0 && (is_syn || packet.acknowledgement != isn_ + 1)) kernel_clock_ = time;
}

std::string Peer::options(const Step& step) {
  const bool is_syn = (step.flags & kSyn) != 0;
  const std::string usual =
      is_syn ? std::string("\x02\x04\x05\xb4\x01\x03\x03\x07\x04\x02\x01\x01", 12) : std::string();
  const auto stamp = [&](uint32_t time) {
    return std::string("\x01\x01\x08\x0a", 4) + be32(time) + be32(kernel_clock_);
  };
  switch (step.options) {
    case Options::kNone:
    case Options::kCount:
      return {};
    case Options::kUsual:
      return usual;
    case Options::kTimestamp:
      return usual + stamp(++clock_);
    case Options::kOldTimestamp:
      return usual + stamp(clock_ - 100);
    case Options::kFarTimestamp:
      return usual + stamp(clock_ + 100000);
    case Options::kMd5:
      return std::string("\x01\x01\x13\x12", 4) + std::string(16, 'm');
    case Options::kAuthentication:
      return std::string("\x1d\x10\x01\x01", 4) + std::string(12, 'a');
    case Options::kCutShort:
      return std::string("\x01\x01\x08\x20", 4);
    case Options::kFastOpen:
      return usual + std::string("\x22\x02\x01\x01", 4);
    case Options::kFalseCookie:
      return usual + std::string("\x22\x0a", 2) + std::string(8, 'c') + std::string(2, '\1');
  }
  return {};
}

std::string Peer::segment(const Step& step, const std::string& text) {
  const std::string options_octets = options(step);
  const bool is_syn = (step.flags & kSyn) != 0;
  const auto sequence = isn_ + 1 + static_cast<uint32_t>(step.at) - (is_syn ? 1 : 0);
  const bool acks = (step.flags & kAck) != 0;
  const auto acknowledges = acks ? kernel_next_ + static_cast<uint32_t>(step.acknowledges) : 0;
  size_t words = (kTcpOctets + options_octets.size()) / 4;
  if (step.damage == Damage::kDataOffset) words = step.octets % 2 == 0 ? 4 : 15;
  std::string out =
      be16(ends_.peer_port) + be16(ends_.kernel_port) + be32(sequence) + be32(acknowledges);
  out += {static_cast<char>(words << 4), static_cast<char>(step.flags)};
  out += be16(step.window) + be16(0) + be16(step.urgent) + options_octets;
  out += text;
  for (uint32_t i = 0; text.empty() && i < step.octets; ++i)
    out += octet_at(step.at + i, step.fill);
  if (is_syn) syns_.push_back({sequence + 1, out.size() - kTcpOctets - options_octets.size()});
  const std::string pseudo =
      ends_.peer + ends_.kernel + be32(static_cast<uint32_t>(out.size())) + be32(IPPROTO_TCP);
  const auto sum =
      static_cast<uint16_t>(checksum(pseudo + out) + (step.damage == Damage::kChecksum ? 1 : 0));
  return out.replace(16, 2, be16(sum));
}

std::string Peer::ip(uint8_t protocol, const std::string& body, uint16_t field) const {
  if (ends_.family == 6)
    return be32(0x60000000) + be16(static_cast<unsigned>(body.size())) +
           std::string{static_cast<char>(protocol), 64} + ends_.peer + ends_.kernel + body;
  std::string head = be16(0x4500) + be16(static_cast<unsigned>(20 + body.size())) +
                     be16(identification_) + be16(field);
  head += {64, static_cast<char>(protocol)};
  head += be16(0) + ends_.peer + ends_.kernel;
  return head.replace(10, 2, be16(checksum(head))) + body;
}

std::string Peer::fragment(uint32_t from, std::string piece, bool more) const {
  if (ends_.family == 4)
    return ip(IPPROTO_TCP, piece, static_cast<uint16_t>(from / 8 | (more ? 0x2000 : 0)));
  const std::string header =
      std::string{IPPROTO_TCP, 0} + be16(from | (more ? 1 : 0)) + be32(identification_);
  return ip(IPPROTO_FRAGMENT, header + piece);
}

std::vector<std::string> Peer::fragments(const Step& step, const std::string& segment) {
  const auto octets = static_cast<uint32_t>(segment.size());
  const uint32_t size = step.fragment / 8 * 8;
  const bool is_tiny = step.carriage == Carriage::kTinyFirst;
  const bool overlaps =
      step.carriage == Carriage::kOverlap || step.carriage == Carriage::kOverlapThenOk;
  std::vector<std::string> out, good;
  for (uint32_t from = 0; from < octets;) {
    const uint32_t end = std::min(octets, from + (from == 0 && is_tiny ? 8 : size));
    const std::string piece = segment.substr(from, end - from);
    good.push_back(fragment(from, piece, end < octets));
    out.push_back(overlaps && from >= 8 ? fragment(from - 8, "OVERLAPS" + piece, end < octets)
                                        : good.back());
    if (step.carriage == Carriage::kDuplicate) out.push_back(good.back());
    if (step.carriage == Carriage::kOtherTwin)
      out.push_back(fragment(from, std::string(piece.size(), 'T'), end < octets));
    from = end;
  }
  if (step.carriage == Carriage::kReversed) std::ranges::reverse(out);
  if (step.carriage == Carriage::kLateMiddle && out.size() > 2)
    std::rotate(out.begin() + 1, out.begin() + 2, out.end());
  if (step.carriage == Carriage::kNoEnd && out.size() > 1) out.pop_back();
  if (step.carriage == Carriage::kOverlapThenOk) out.insert(out.end(), good.begin(), good.end());
  return out;
}

std::vector<std::string> Peer::carried(const Step& step, const std::string& segment) {
  switch (step.carriage) {
    case Carriage::kWhole:
      return {ip(IPPROTO_TCP, segment)};
    case Carriage::kPadded:
      return {ip(IPPROTO_TCP, segment) + "PADDING"};
    case Carriage::kAtomic:
      if (ends_.family == 4) return {ip(IPPROTO_TCP, segment)};
      return {fragment(0, segment, false)};
    case Carriage::kOptions: {
      if (ends_.family == 6)
        return {ip(IPPROTO_HOPOPTS, std::string{IPPROTO_TCP, 0, 1, 4, 0, 0, 0, 0} + segment)};
      std::string packet = ip(IPPROTO_TCP, std::string("\x01\x01\x01\x01", 4) + segment);
      packet.replace(0, 1, "\x46").replace(10, 2, be16(0));
      return {packet.replace(10, 2, be16(checksum(packet.substr(0, 24))))};
    }
    default:
      return fragments(step, segment);
  }
}

std::vector<std::string> Peer::packets(const Step& step, const std::string& text) {
  ++identification_;
  std::vector<std::string> out = carried(step, segment(step, text));
  const size_t last_octet_of_length = ends_.family == 4 ? 3 : 5;
  for (std::string& packet : out) {
    if (step.damage == Damage::kIpChecksum && ends_.family == 4) packet[10] ^= 1;
    if (step.damage == Damage::kIpLength) packet[last_octet_of_length] ^= 0x40;
  }
  return out;
}

}  // namespace vethwall::differential
