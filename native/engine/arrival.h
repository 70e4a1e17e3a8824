// What comes to the engine: a frame, the segment in it, and what it says of a new flow.
#pragma once
#include <span>

#include "engine/engine.h"
#include "engine/tunnel.h"
#include "flow/table.h"
#include "wire/fragments.h"

namespace vethwall::engine {

// One frame on its way through the engine. A reassembled datagram names the fragments that it
// stands for, and these are what goes on.
struct Arrival {
  const EndpointConfig& endpoint;
  wire::Toward toward;
  wire::VnetHeader vnet;
  wire::Frame frame;
  wire::Packet packet;
  std::span<wire::HeldFrame> fragments;
  wire::Ticket& ticket;    // whoever sends the frame on, or keeps it, takes this
  bool is_spread = false;  // its flow may be another shard's
  bool is_reassembled = false;
  uint8_t depth = 0;  // how many tunnels it was taken out of: then `fragments` are the outer frames
  Tunnel tunnel = {};  // the innermost of them

  bool is_inline() const { return endpoint.path == EndpointPath::kInline; }
  std::span<const uint8_t> payload() const {
    return frame.subspan(packet.payload_offset, packet.payload_octets);
  }
};

// A TCP segment in offsets of its direction; SYN and FIN are not counted in [from, to).
struct Segment {
  Dir dir;
  int64_t from;
  int64_t to;
  bool fin;
};

// What the first frame of a flow says about it.
struct Opening {
  flow::Key key;
  bool source_is_low;   // the opener's end
  wire::Toward toward;  // of the opener's frames
  wire::L3Template along_orig;
  uint16_t source_port;
  uint16_t destination_port;
  Start start;
  Tunnel tunnel;
};

}  // namespace vethwall::engine
