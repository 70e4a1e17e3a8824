// The two options of a SYN that later judgements need (RFC 9293 §3.2, RFC 7323 §2.2).
#pragma once
#include <cstdint>

#include "wire/packet.h"

namespace vethwall::flow {

struct SynOptions {
  uint16_t mss = 536;  // RFC 9293 §3.7.1: the default without the option
  bool has_window_scale = false;
  uint8_t window_scale = 0;
};

SynOptions read_syn_options(wire::Frame frame, const wire::Packet& packet);

}  // namespace vethwall::flow
