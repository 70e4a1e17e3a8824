// Frames as a raw socket takes them: IP packets of at most the device's MTU with whole checksums.
#pragma once
#include <vector>

#include "wire/build.h"

namespace vethwall::wire {

// The IP packets, without Ethernet, that `frame` stands for. A TCP segment longer than the MTU
// becomes several; everything else stays one, whatever its length. Empty where it is no valid IP.
std::vector<std::vector<uint8_t>> segments_of(const VnetHeader& vnet, Frame frame,
                                              uint32_t mtu_octets);

// A TCP frame of a packet that was copied in part only: what is there as a shorter segment, without
// FIN and PSH. Its sender repeats the rest. Empty where that can't be.
Built without_tail(Frame frame);

}  // namespace vethwall::wire
