#include "wire/marker.h"

#include "wire/reader.h"

namespace vethwall::wire {
namespace {

constexpr unsigned kKindShift = 14;

bool is_marker(uint32_t octets) {
  const auto form = static_cast<uint8_t>(octets);
  return (octets & kMarkerPrefixMask) == kMarkerPrefix &&
         form >= static_cast<uint8_t>(MarkerForm::kPlain) &&
         form <= static_cast<uint8_t>(MarkerForm::kCopy);
}

}  // namespace

bool read_marker(Frame frame, Marker& out) {
  Reader reader(frame);
  Header<12> macs;
  if (!reader.read(macs)) return false;
  const uint32_t destination = macs.be32<0>();
  const uint32_t source = macs.be32<6>();
  const bool toward_pod = is_marker(destination);
  const bool from_pod = is_marker(source);
  if (toward_pod == from_pod) return false;
  const uint16_t low = toward_pod ? macs.be16<4>() : macs.be16<10>();
  out.toward = toward_pod ? Toward::kPod : Toward::kNetwork;
  out.kind = static_cast<AddressKind>(low >> kKindShift);
  out.endpoint = low & kEndpointMask;
  out.form = static_cast<MarkerForm>(static_cast<uint8_t>(toward_pod ? destination : source));
  return true;
}

std::array<uint8_t, 6> marker_mac(AddressKind kind, uint16_t endpoint) {
  const unsigned low =
      (static_cast<unsigned>(kind) << kKindShift) | (endpoint & unsigned{kEndpointMask});
  return {0x4e, 0x65, 0x75, 0x56, static_cast<uint8_t>(low >> 8), static_cast<uint8_t>(low)};
}

}  // namespace vethwall::wire
