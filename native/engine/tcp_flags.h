// RFC 9293 §3.1, control bits.
#pragma once
#include <cstdint>

#include "engine/records.h"

namespace vethwall::engine {

inline constexpr uint8_t kFin = 1, kSyn = 2, kRst = 4, kPsh = 8, kAck = 16, kUrg = 32;

constexpr Dir opposite(Dir dir) { return dir == Dir::kOrig ? Dir::kReply : Dir::kOrig; }
constexpr size_t index_of(Dir dir) { return static_cast<size_t>(dir); }

}  // namespace vethwall::engine
