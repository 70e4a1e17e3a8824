// The tunnel that a packet was taken out of.
#pragma once
#include <cstdint>
#include <vector>

#include "wire/fragment_set.h"
#include "wire/marker.h"
#include "wire/packet.h"
#include "wire/ticket.h"
#include "wire/tunnel.h"

namespace vethwall::engine {

struct Tunnel {
  uint32_t number = 0;  // distinguishes tunnels of an endpoint, with what encloses them; 0 = none
  wire::TunnelKind kind = wire::TunnelKind::kNone;
  uint32_t id = 0;     // VNI or GRE key
  wire::Address peer;  // the tunnel's other end
};

// A tunnel's packet that its own flow lets pass: what it carries is judged next.
struct Carrying {
  uint16_t endpoint;
  wire::Toward toward;
  wire::VnetHeader vnet;
  std::vector<uint8_t> frame;
  wire::Packet packet;
  std::vector<wire::HeldFrame> fragments = {};  // as an Arrival's
  wire::Ticket ticket = {};
  uint8_t depth = 0;
};

}  // namespace vethwall::engine
