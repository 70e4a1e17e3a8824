// The input is a vnet header (10 octets) and frames, each of which begins where the datagram of the
// one before it ends. What decode() accepts must be cut, answered and reassembled to frames that it
// accepts as well. An input that is a capture is read through besides.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "wire/build.h"
#include "wire/capture.h"
#include "wire/checksum.h"
#include "wire/fragments.h"
#include "wire/marker.h"
#include "wire/packet.h"
#include "wire/tunnel.h"
#include "wire/writer.h"

namespace vethwall::wire {
namespace {

constexpr uint8_t kTcp = 6, kUdp = 17;

void require(bool holds) {
  if (!holds) std::abort();
}

void require_whole(const Built& built) {
  Packet packet;
  require(decode(built.frame, built.vnet, packet) == Malformed::kOk);
  require(packet.l3_end == built.frame.size());
}

void require_bounded(Frame frame, const Packet& packet) {
  require(packet.vlan_count <= kMaxVlans && packet.l3_end <= frame.size());
  require(packet.l3_offset <= packet.l3_end);
  if (packet.family == 0) return;
  require(packet.l4_offset <= packet.payload_offset);
  require(packet.payload_offset + uint64_t{packet.payload_octets} <= packet.l3_end);
}

void cut(Frame frame, const VnetHeader& vnet, const Packet& packet) {
  const uint32_t octets = packet.payload_octets;
  for (const uint32_t at : {uint32_t{0}, uint32_t{1}, octets / 2, octets}) {
    const Built head = cut_tcp(frame, vnet, packet, 0, at);
    const Built tail = cut_tcp(frame, vnet, packet, at, octets);
    require_whole(head);
    require_whole(tail);
    require(head.frame.size() + tail.frame.size() == 2 * size_t{packet.payload_offset} + octets);
  }
}

void answer(Frame frame, const Packet& packet) {
  const L3Template back = reversed(template_of(frame, packet));
  const Built reset = build_tcp(back,
                                {packet.destination_port, packet.source_port,
                                 packet.acknowledgement, packet.sequence, 0x14, 0},
                                {});
  Packet answered;
  // The denied packet's destination may be an address that nobody may send from.
  const Malformed found = decode(reset.frame, reset.vnet, answered);
  require(found == Malformed::kOk || found == Malformed::kSourceAddress);
  const Built prohibited = build_prohibited(frame, packet);
  Quoted quoted;
  if (prohibited.frame.empty()) return;
  const Malformed error = decode(prohibited.frame, prohibited.vnet, answered);
  require(error == Malformed::kOk || error == Malformed::kSourceAddress);
  if (error == Malformed::kOk) decode_quoted(prohibited.frame, answered, quoted);
}

constexpr int kDepth = 3;  // one more than is the default

void take_apart(Frame frame, const VnetHeader& vnet, const Packet& packet, int depth = 0);
Malformed decode_mended(std::vector<uint8_t>& frame, VnetHeader& vnet, Packet& packet);

void open_tunnel(Frame frame, const VnetHeader& vnet, const Packet& packet, int depth) {
  Inner inner;
  const Decapsulated found = decapsulate(frame, vnet, packet, {}, inner);
  require((found == Decapsulated::kNone) == (inner.tunnel == TunnelKind::kNone));
  if (found != Decapsulated::kInner) return;
  require(inner.octets.size() <= packet.payload_octets);
  std::vector<uint8_t> within = inner_frame(frame, inner);
  VnetHeader known = vnet;
  Packet carried;
  if (decode_mended(within, known, carried) != Malformed::kOk) return;
  require_bounded(within, carried);
  if (carried.family != 0 && !carried.is_fragment) take_apart(within, known, carried, depth);
}

void take_apart(Frame frame, const VnetHeader& vnet, const Packet& packet, int depth) {
  Quoted quoted;
  decode_quoted(frame, packet, quoted);
  if (depth < kDepth) open_tunnel(frame, vnet, packet, depth + 1);
  answer(frame, packet);
  if (packet.protocol == kTcp) cut(frame, vnet, packet);
  if (packet.protocol == kUdp) {
    require_whole(cut_udp(frame, vnet, packet, 0));
    require_whole(cut_udp(frame, vnet, packet, udp_datagrams(vnet, packet) - 1));
  }
}

void reassemble(Reassembler& reassembler, uint64_t now_ns, Frame frame, const VnetHeader& vnet,
                const Packet& packet) {
  Reassembled whole;
  Ticket ticket;
  const Fragmented outcome =
      reassembler.add({1, Toward::kPod}, now_ns, vnet, frame, packet, ticket, whole);
  require(reassembler.held_octets() <= 4096 && reassembler.datagrams() <= 3);
  if (outcome != Fragmented::kComplete) return;
  Packet inner;
  const Malformed found = decode(whole.frame, VnetHeader{}, inner);
  require(found != Malformed::kIpTotalLength && found != Malformed::kIpChecksum);
  require(found != Malformed::kOk || (!inner.is_fragment && !whole.originals.empty()));
  if (found == Malformed::kOk) take_apart(whole.frame, VnetHeader{}, inner);
}

// A mutation that leaves a checksum wrong would never reach what lies behind it.
Malformed decode_mended(std::vector<uint8_t>& frame, VnetHeader& vnet, Packet& packet) {
  Malformed found = decode(frame, vnet, packet);
  if (found == Malformed::kIpChecksum) {
    const size_t octets = (frame[packet.l3_offset] & 0x0fu) * size_t{4};
    const std::span<uint8_t> header = std::span(frame).subspan(packet.l3_offset, octets);
    store_be16(header, 10, 0);
    store_be16(header, 10, static_cast<uint16_t>(~ones_sum(header)));
    found = decode(frame, vnet, packet);
  }
  if (found == Malformed::kL4Checksum || found == Malformed::kUdpUnsummed) {
    vnet.flags |= kNeedsCsum;
    found = decode(frame, vnet, packet);
  }
  return found;
}

void read_frames(std::span<const uint8_t> input, VnetHeader vnet) {
  FragmentLimits limits;
  limits.fragment_octets_total = 4096;
  limits.fragment_datagrams = 3;
  Reassembler reassembler(limits);
  uint64_t now_ns = 0;
  while (!input.empty()) {
    std::vector<uint8_t> frame(input.begin(), input.end());  // exact: ASan sees over-reads
    Packet packet;
    Marker marker;
    read_marker(frame, marker);
    if (decode_mended(frame, vnet, packet) != Malformed::kOk) return;
    require_bounded(frame, packet);
    if (packet.family == 0) return;
    if (packet.is_fragment) {
      reassemble(reassembler, now_ns, frame, vnet, packet);
    } else {
      take_apart(frame, vnet, packet);
    }
    input = input.subspan(packet.l3_end);
    now_ns += 8'000'000'000;
    reassembler.expire(now_ns);
  }
}

void read_capture(std::span<const uint8_t> input) {
  std::string error;
  auto reader = CaptureReader::open(input, error);
  CaptureRecord record;
  while (reader && reader->next(record) == CaptureNext::kRecord) {
    const std::vector<uint8_t> frame(record.frame.begin(), record.frame.end());
    Packet packet;
    decode(frame, VnetHeader{}, packet);
  }
}

}  // namespace
}  // namespace vethwall::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vethwall::wire;
  const std::span<const uint8_t> input(data, size);
  read_capture(input);
  VnetHeader vnet;
  if (size < sizeof vnet) return 0;
  std::memcpy(&vnet, data, sizeof vnet);
  read_frames(input.subspan(sizeof vnet), vnet);
  return 0;
}
