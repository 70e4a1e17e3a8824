// A datagram of any octets is read within its bounds. What it says is a packet gets a vnet header
// and becomes IP packets that decode() accepts without help.
#include <cstdlib>
#include <vector>

#include "wire/nfqueue.h"
#include "wire/segments.h"

namespace vethwall::wire {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void require_whole(const std::vector<uint8_t>& packet, uint8_t family, bool has_checksum) {
  std::vector<uint8_t> frame(12);
  frame.insert(frame.end(), {static_cast<uint8_t>(family == 4 ? 0x08 : 0x86),
                             static_cast<uint8_t>(family == 4 ? 0x00 : 0xdd)});
  frame.insert(frame.end(), packet.begin(), packet.end());
  VnetHeader vnet = {};
  if (!has_checksum) vnet.flags = kDataValid;
  Packet decoded;
  require(decode(frame, vnet, decoded) == Malformed::kOk);
  require(decoded.l3_end == frame.size());
}

void take(const QueuedPacket& queued) {
  if (queued.family == 0) return;
  std::vector<uint8_t> frame(12);
  frame.insert(frame.end(), {static_cast<uint8_t>(queued.family == 4 ? 0x08 : 0x86),
                             static_cast<uint8_t>(queued.family == 4 ? 0x00 : 0xdd)});
  frame.insert(frame.end(), queued.octets.begin(), queued.octets.end());
  const VnetHeader vnet = vnet_of(queued, frame, 1500);
  for (const auto& packet : segments_of(vnet, frame, 1500))
    require_whole(packet, queued.family, vnet.flags == kNeedsCsum);
  const Built part = without_tail(frame);
  if (part.frame.empty()) return;
  for (const auto& packet : segments_of(part.vnet, part.frame, 576))
    require_whole(packet, queued.family, true);
}

}  // namespace
}  // namespace vethwall::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace wire = vethwall::wire;
  wire::NfqueueReader reader({data, size});
  wire::QueuedPacket packet;
  using Next = wire::NfqueueReader::Next;
  for (Next next = reader.next(packet); next != Next::kEnd; next = reader.next(packet)) {
    if (next == Next::kMalformed) break;
    if (next != Next::kPacket) continue;
    const uint8_t* end = packet.octets.data() + packet.octets.size();
    if (!packet.octets.empty() && (packet.octets.data() < data + 14 || end > data + size))
      std::abort();
    wire::take(packet);
  }
  return 0;
}
