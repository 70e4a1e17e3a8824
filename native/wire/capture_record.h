// One packet of a capture file, whatever the file's format.
#pragma once
#include <cstdint>

#include "wire/packet.h"

namespace vethwall::wire {

// A snap length leaves out what lies behind it.
enum class CaptureCut : uint8_t { kNone, kSnapLength };

struct CaptureRecord {
  uint64_t time_ns;          // since 1970
  uint32_t original_octets;  // on the wire, before the capture's snap length cut it
  CaptureCut cut;
  Frame frame;  // Ethernet; valid until the next record is read
};

// kTruncated: the file ends within a record; what came before it was whole.
enum class CaptureNext : uint8_t { kRecord, kEnd, kTruncated };

inline constexpr uint64_t kNsPerSecond = 1'000'000'000;

}  // namespace vethwall::wire
