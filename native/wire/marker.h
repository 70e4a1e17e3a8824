// The UCMAC 4e:65:75:56:hi:lo ("NeuV" + 16 bits) that tells endpoint, direction and what the
// overwritten address was (design §2, "Marker"). In the destination slot: towards the pod; in the
// source slot: from the pod.
#pragma once
#include <array>
#include <cstdint>

#include "wire/packet.h"

namespace vethwall::wire {

enum class Toward : uint8_t { kPod = 0, kNetwork = 1, kUnknown = 2 };
// The two high bits of hi:lo.
enum class AddressKind : uint8_t { kPodMac = 0, kBroadcast = 1, kMulticast = 2, kForeign = 3 };
// Three octets, and one that says how the frame came: native/bpf/vethwall.bpf.h, MARKER_PLAIN.
inline constexpr uint32_t kMarkerPrefix = 0x4e657500;
inline constexpr uint32_t kMarkerPrefixMask = 0xffffff00;
enum class MarkerForm : uint8_t { kPlain = 0x56, kPending = 0x57, kCopy = 0x58 };
inline constexpr uint16_t kEndpointMask = 0x3fff;

struct Marker {
  Toward toward;
  AddressKind kind;
  uint16_t endpoint;
  MarkerForm form;
};
// True only where exactly one slot carries the prefix.
bool read_marker(Frame frame, Marker& out);
std::array<uint8_t, 6> marker_mac(AddressKind kind, uint16_t endpoint);

}  // namespace vethwall::wire
