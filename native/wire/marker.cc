#include "wire/marker.h"

#include "wire/reader.h"

namespace vethwall::wire {
namespace {

constexpr unsigned kKindShift = 14;

}  // namespace

bool read_marker(Frame frame, Marker& out) {
  Reader reader(frame);
  Header<12> macs;
  if (!reader.read(macs)) return false;
  const bool toward_pod = macs.be32<0>() == kMarkerPrefix;
  const bool from_pod = macs.be32<6>() == kMarkerPrefix;
  if (toward_pod == from_pod) return false;
  const uint16_t low = toward_pod ? macs.be16<4>() : macs.be16<10>();
  out.toward = toward_pod ? Toward::kPod : Toward::kNetwork;
  out.kind = static_cast<AddressKind>(low >> kKindShift);
  out.endpoint = low & kEndpointMask;
  return true;
}

std::array<uint8_t, 6> marker_mac(AddressKind kind, uint16_t endpoint) {
  const unsigned low =
      (static_cast<unsigned>(kind) << kKindShift) | (endpoint & unsigned{kEndpointMask});
  return {0x4e, 0x65, 0x75, 0x56, static_cast<uint8_t>(low >> 8), static_cast<uint8_t>(low)};
}

}  // namespace vethwall::wire
