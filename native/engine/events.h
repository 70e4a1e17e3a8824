// Events as packed records; what the ring has no room for is counted and reported as soon as it
// has.
#pragma once
#include <cstdint>
#include <span>

#include "engine/carrier.h"
#include "engine/frame_sink.h"
#include "engine/tunnel.h"
#include "flow/flow.h"

namespace vethwall::engine {

class Events {
 public:
  Events(EventSink& sink, uint64_t& lost_counter, uint64_t& shed_counter)
      : sink_(sink), lost_counter_(lost_counter), shed_counter_(shed_counter) {}
  // Each is false where the ring was full.
  bool opened(const flow::Flow& flow, uint32_t generation, const Tunnel& tunnel);
  // Where to write `octets` payload octets; publish() follows. Null where the ring was full, or
  // where the reader is behind and no verdict waits for them.
  uint8_t* octets(const flow::Flow& flow, Dir dir, uint64_t at, uint32_t octets, bool ended,
                  bool held);
  void publish() { sink_.commit(); }
  bool gap(const flow::Flow& flow, Dir dir, uint64_t at, uint32_t octets, GapCause cause);
  bool hold_ended(const flow::Flow& flow, Dir dir, uint64_t at, HoldCause cause, Took took);
  // `carried`: what passed without the engine.
  bool closed(const flow::Flow& flow, Closed how, const CarriedCounts& carried);
  // Not counted as lost where they are false: they can be said again.
  bool spoofed(uint16_t endpoint, Spoof spoof, uint64_t frames);
  bool big(const flow::Flow& flow, uint32_t epoch);
  bool recall(const flow::Flow& flow);
  // Tells about losses as soon as there is room.
  void report_lost();

 private:
  uint8_t* begin(EventHeader header, uint32_t body_octets);
  // Null where the ring was full, which is no loss.
  uint8_t* try_begin(EventHeader header, uint32_t body_octets);
  EventSink& sink_;
  uint64_t& lost_counter_;
  uint64_t& shed_counter_;
  uint64_t lost_ = 0;  // not yet reported
};

}  // namespace vethwall::engine
