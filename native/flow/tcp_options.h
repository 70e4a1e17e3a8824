// The option of a SYN that tells how wide later windows are (RFC 7323 §2.2).
#pragma once
#include <cstdint>

#include "wire/packet.h"

namespace vethwall::flow {

struct SynOptions {
  bool has_window_scale = false;
  uint8_t window_scale = 0;
};

SynOptions read_syn_options(wire::Frame frame, const wire::Packet& packet);

}  // namespace vethwall::flow
