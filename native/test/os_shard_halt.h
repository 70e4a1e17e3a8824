// A shard with the real engine whose thread can be made to stand still.
#pragma once
#include "test/engine_net.h"
#include "test/os_shard_bench.h"

namespace vethwall::test {

using engine::Took;
using shard::EngineFactory;

inline constexpr Took kSettings[] = {Took::kClosed, Took::kOpen};
inline constexpr uint32_t kRing = 1 << 20;

// `undecided_port`: what goes there is never decided, and waits as long as a test may take.
inline EngineFactory judging(Took failure, uint16_t undecided_port = 0) {
  return [=](engine::FrameSink& frames, engine::EventSink& events, engine::Carrier* carrier,
             engine::Relay* relay) {
    constexpr uint64_t kHourNs = 3'600'000'000'000;
    engine::Limits limits = {};
    if (undecided_port != 0) limits.hold_ns = kHourNs;
    auto made = engine::Engine::create(limits, {1, 2}, frames, events, carrier, relay);
    const uint64_t now = now_ns();
    made->set_endpoint(
        {engine_test::kEndpoint, engine::EndpointPath::kInline, failure, true, false}, now);
    auto table = std::make_shared<engine_test::FixedTable>();
    if (undecided_port != 0) table->by_port[undecided_port] = {engine::L4Verdict::kUndecided, 0};
    made->set_policy(table, now);
    return made;
  };
}

// While it lives the shard's thread stands still.
class Halt {
 public:
  explicit Halt(Shard& shard) {
    shard.post([this](engine::Engine&, uint64_t) {
      has_begun_ = true;
      while (!is_over_) std::this_thread::yield();
      has_ended_ = true;
    });
    CHECK(until([this] { return has_begun_.load(); }));
  }
  ~Halt() {
    is_over_ = true;
    until([this] { return has_ended_.load(); });
  }

 private:
  std::atomic<bool> has_begun_ = false, is_over_ = false, has_ended_ = false;
};

}  // namespace vethwall::test
