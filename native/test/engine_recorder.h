// What an engine emits, kept to be looked at: its frames decoded, its events read back.
#pragma once
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "engine/carrier.h"
#include "engine/frame_sink.h"
#include "test/tap.h"
#include "wire/marker.h"

namespace vethwall::engine_test {

using engine::Dir;
using engine::EventKind;

struct Sent {
  wire::VnetHeader vnet;
  std::vector<uint8_t> frame;
  wire::Packet packet;
  bool to_pod;
  bool was_queued = false;
  bool is_settled = false;
  uint32_t epoch = 0;  // in force for its flow from here on
  std::string payload() const {
    return {reinterpret_cast<const char*>(frame.data()) + packet.payload_offset,
            packet.payload_octets};
  }
  bool has(uint8_t flags) const { return (packet.tcp_flags & flags) == flags; }
};

class Frames : public engine::FrameSink {
 public:
  bool emit(const wire::VnetHeader& vnet, wire::Frame frame, engine::Departure departure) override {
    Sent sent{vnet, {frame.begin(), frame.end()}, {}, false};
    wire::decode(frame, vnet, sent.packet);
    wire::Marker marker;
    sent.to_pod = wire::read_marker(frame, marker) && marker.toward == wire::Toward::kPod;
    sent.was_queued = static_cast<bool>(departure.ticket);
    sent.is_settled = departure.is_settled;
    sent.epoch = departure.is_settled && !sent.was_queued ? departure.epoch : 0;
    const bool is_noted = sent.epoch != 0;
    all.push_back(std::move(sent));
    return departure.ticket.accept(departure.is_settled) || is_noted;
  }
  std::vector<Sent> all;
};

// The kernel's flow map, as a test would have it count.
class Carried : public engine::Carrier {
 public:
  bool carry(const engine::CarriedFlow& flow, uint32_t,
             const std::array<engine::PassRange, 2>& passed) override {
    last = flow;
    ranges = passed;
    ++bodies;
    return true;
  }
  engine::CarriedCounts read(const engine::CarriedFlow& flow) override {
    last = flow;
    ++reads;
    return counts;
  }
  void forget(const engine::CarriedFlow& flow) override {
    last = flow;
    counts = {};
    ++forgotten;
  }
  engine::CarriedCounts counts;
  engine::CarriedFlow last = {};
  std::array<engine::PassRange, 2> ranges = {};
  uint32_t bodies = 0;
  uint32_t reads = 0;
  uint32_t forgotten = 0;
};

struct Event {
  engine::EventHeader header;
  engine::OpenedBody opened;
  engine::TunnelBody tunnel;
  engine::ClosedBody closed;
  std::string octets;
  bool ended() const { return (header.b & 1) != 0; }
  bool held() const { return (header.b & 2) != 0; }
};

struct Events : std::vector<Event> {
  using std::vector<Event>::vector;
  size_t count(EventKind kind) const {
    size_t found = 0;
    for (const Event& event : *this) found += event.header.kind == kind ? 1 : 0;
    return found;
  }
  // The last of its kind; an empty one, with a failed check, where there is none.
  Event last(EventKind kind) const {
    Event found = {};
    for (const Event& event : *this)
      if (event.header.kind == kind) found = event;
    CHECK(found.header.kind == kind);
    return found;
  }
  // All octets of one direction, in the order of their events.
  std::string joined(Dir dir) const {
    std::string all;
    for (const Event& event : *this)
      if (event.header.kind == EventKind::kOctets && event.header.dir == dir) all += event.octets;
    return all;
  }
};

class Ring : public engine::EventSink {
 public:
  uint8_t* reserve(uint32_t octets) override {
    if (room == 0) return nullptr;
    if (room > 0) --room;
    record_.assign(octets, 0);
    return record_.data();
  }
  void commit() override {
    Event event = {};
    std::memcpy(&event.header, record_.data(), sizeof event.header);
    const uint8_t* body = record_.data() + sizeof event.header;
    if (event.header.kind == EventKind::kOpened || event.header.kind == EventKind::kBig)
      std::memcpy(&event.opened, body, 40);
    if (event.header.kind == EventKind::kOpened && event.header.tunnel != 0)
      std::memcpy(&event.tunnel, body + 40, sizeof event.tunnel);
    if (event.header.kind == EventKind::kClosed) std::memcpy(&event.closed, body, 32);
    if (event.header.kind == EventKind::kOctets)
      event.octets.assign(reinterpret_cast<const char*>(body), event.header.a);
    if (event.header.kind == EventKind::kOpened) flow = event.header.flow;
    if (event.header.kind == EventKind::kOpened && event.header.tunnel != 0)
      inner_flow = event.header.flow;
    all.push_back(std::move(event));
  }
  bool is_behind() override { return behind; }
  Events all;
  bool behind = false;
  int room = -1;      // records; negative: no end
  uint64_t flow = 0;  // last opened
  uint64_t inner_flow = 0;

 private:
  std::vector<uint8_t> record_;
};

}  // namespace vethwall::engine_test
