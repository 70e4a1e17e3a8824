#include "engine/events.h"

#include <cstring>

namespace vethwall::engine {
namespace {

constexpr uint32_t padded(uint32_t octets) { return (octets + 7) & ~uint32_t{7}; }

EventHeader header_of(const flow::Flow& flow, EventKind kind) {
  EventHeader header = {};
  header.kind = kind;
  header.endpoint = flow.endpoint();
  header.flow = flow.id;
  return header;
}

OpenedBody opened_body(const flow::Flow& flow) {
  OpenedBody body = {};
  body.family = flow.key.family;
  body.protocol = flow.protocol();
  body.vlan = flow.key.vlans[0];
  body.source_port = flow.source_port;
  body.destination_port = flow.destination_port;
  std::memcpy(body.source, flow.source().octets.data(), 16);
  std::memcpy(body.destination, flow.destination().octets.data(), 16);
  return body;
}

TunnelBody tunnel_body(const Tunnel& tunnel) {
  TunnelBody body = {};
  body.id = tunnel.id;
  body.family = tunnel.peer.family;
  std::memcpy(body.peer, tunnel.peer.octets.data(), sizeof body.peer);
  return body;
}

// No verdict waits for its octets.
bool is_copy(const flow::Flow& flow) { return flow.tap || flow.stance != flow::Stance::kUndecided; }

}  // namespace

void Events::report_lost() {
  if (lost_ == 0) return;
  EventHeader header = {};
  header.octets = sizeof header;
  header.kind = EventKind::kLost;
  header.at = lost_;
  uint8_t* place = sink_.reserve(header.octets);
  if (place == nullptr) return;
  std::memcpy(place, &header, sizeof header);
  sink_.commit();
  lost_ = 0;
}

uint8_t* Events::try_begin(EventHeader header, uint32_t body_octets) {
  report_lost();
  header.octets = static_cast<uint32_t>(sizeof header) + padded(body_octets);
  uint8_t* place = lost_ == 0 ? sink_.reserve(header.octets) : nullptr;
  if (place == nullptr) return nullptr;
  std::memcpy(place, &header, sizeof header);
  uint8_t* body = place + sizeof header;
  std::memset(body + body_octets, 0, padded(body_octets) - body_octets);
  return body;
}

uint8_t* Events::begin(EventHeader header, uint32_t body_octets) {
  uint8_t* body = try_begin(header, body_octets);
  if (body != nullptr) return body;
  ++lost_;
  ++lost_counter_;
  return nullptr;
}

bool Events::opened(const flow::Flow& flow, uint32_t generation, const Tunnel& tunnel) {
  EventHeader header = header_of(flow, EventKind::kOpened);
  header.a = generation;
  header.b = flow.rule;
  header.c = static_cast<uint8_t>(flow.l4);
  header.d = static_cast<uint8_t>(flow.start);
  header.e = static_cast<uint8_t>(flow.pod_side);
  header.tunnel = static_cast<uint8_t>(tunnel.kind);
  const bool is_inner = tunnel.kind != wire::TunnelKind::kNone;
  uint8_t* place = begin(header, sizeof(OpenedBody) + (is_inner ? sizeof(TunnelBody) : 0));
  if (place == nullptr) return false;
  const OpenedBody body = opened_body(flow);
  std::memcpy(place, &body, sizeof body);
  if (is_inner) {
    const TunnelBody outer = tunnel_body(tunnel);
    std::memcpy(place + sizeof body, &outer, sizeof outer);
  }
  sink_.commit();
  return true;
}

uint8_t* Events::octets(const flow::Flow& flow, Dir dir, uint64_t at, uint32_t octets, bool ended,
                        bool held) {
  if (!held && is_copy(flow) && sink_.is_behind()) {
    ++shed_counter_;
    return nullptr;
  }
  EventHeader header = header_of(flow, EventKind::kOctets);
  header.dir = dir;
  header.at = at;
  header.a = octets;
  header.b = (ended ? 1u : 0u) | (held ? 2u : 0u);
  return begin(header, octets);
}

bool Events::gap(const flow::Flow& flow, Dir dir, uint64_t at, uint32_t octets, GapCause cause) {
  EventHeader header = header_of(flow, EventKind::kGap);
  header.dir = dir;
  header.at = at;
  header.a = octets;
  header.c = static_cast<uint8_t>(cause);
  if (begin(header, 0) == nullptr) return false;
  sink_.commit();
  return true;
}

bool Events::hold_ended(const flow::Flow& flow, Dir dir, uint64_t at, HoldCause cause, Took took) {
  EventHeader header = header_of(flow, EventKind::kHoldEnded);
  header.dir = dir;
  header.at = at;
  header.c = static_cast<uint8_t>(cause);
  header.d = static_cast<uint8_t>(took);
  if (begin(header, 0) == nullptr) return false;
  sink_.commit();
  return true;
}

bool Events::closed(const flow::Flow& flow, Closed how, const CarriedCounts& carried) {
  EventHeader header = header_of(flow, EventKind::kClosed);
  header.c = static_cast<uint8_t>(how);
  header.rule = flow.rule;
  uint8_t* place = begin(header, sizeof(ClosedBody));
  if (place == nullptr) return false;
  // The opener's direction is the pod's own where the pod opened it.
  const size_t orig = flow.pod_side == PodSide::kOpener ? 0 : 1;
  const size_t reply = 1 - orig;
  const ClosedBody body = {
      {flow.packets[0] + carried.packets[orig], flow.packets[1] + carried.packets[reply]},
      {flow.octets[0] + carried.octets[orig], flow.octets[1] + carried.octets[reply]}};
  std::memcpy(place, &body, sizeof body);
  sink_.commit();
  return true;
}

bool Events::spoofed(uint16_t endpoint, Spoof spoof, uint64_t frames) {
  EventHeader header = {};
  header.kind = EventKind::kSpoofed;
  header.endpoint = endpoint;
  header.at = frames;
  header.c = static_cast<uint8_t>(spoof);
  if (try_begin(header, 0) == nullptr) return false;
  sink_.commit();
  return true;
}

bool Events::big(const flow::Flow& flow, uint32_t epoch) {
  EventHeader header = header_of(flow, EventKind::kBig);
  header.a = epoch;
  header.e = static_cast<uint8_t>(flow.pod_side);
  uint8_t* place = try_begin(header, sizeof(OpenedBody));
  if (place == nullptr) return false;
  const OpenedBody body = opened_body(flow);
  std::memcpy(place, &body, sizeof body);
  sink_.commit();
  return true;
}

bool Events::recall(const flow::Flow& flow) {
  if (try_begin(header_of(flow, EventKind::kRecall), 0) == nullptr) return false;
  sink_.commit();
  return true;
}

}  // namespace vethwall::engine
