// The kernel's flow map as the pure engine sees it: flows that pass without user space.
#pragma once
#include <array>
#include <cstdint>

#include "wire/packet.h"

namespace vethwall::engine {

// Both ends as the endpoint's pod sees them; of an echo the identifier is both ports.
struct CarriedFlow {
  uint16_t endpoint;
  uint8_t protocol;
  wire::Address pod;
  wire::Address peer;
  uint16_t pod_port;   // host order
  uint16_t peer_port;  // host order
};

// By direction: 0 from the pod, 1 towards it.
struct CarriedCounts {
  std::array<uint64_t, 2> packets = {};
  std::array<uint64_t, 2> octets = {};  // of frames
};

// Sequence numbers of TCP octets: from the first to behind the last.
struct PassRange {
  uint32_t from = 0;
  uint32_t to = 0;
};

class Carrier {
 public:
  virtual ~Carrier() = default;
  // By direction, as the counts: only segments within pass, and neither FIN nor RST; everything
  // else of the flow comes up. False: no such entry can be made.
  virtual bool carry(const CarriedFlow& flow, uint32_t epoch,
                     const std::array<PassRange, 2>& ranges) = 0;
  // What was carried of it since its entry was made; zeroes where there is none.
  virtual CarriedCounts read(const CarriedFlow& flow) = 0;
  // Its frames come up again.
  virtual void forget(const CarriedFlow& flow) = 0;
};

}  // namespace vethwall::engine
