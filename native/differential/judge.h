// The parser's side: what it was given of each flow, and the judge that releases it.
#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "differential/case.h"
#include "engine/engine.h"
#include "engine/tcp_flags.h"
#include "test/engine_recorder.h"

namespace vethwall::differential {

struct Inspected {
  uint64_t id = 0;
  bool is_pod_opener = false;
  std::array<std::string, 2> octets = {};  // by engine::Dir
  std::array<bool, 2> has_ended = {};
  std::array<bool, 2> has_gap = {};  // nothing behind it is kept
  std::array<uint64_t, 2> released = {};
  bool is_closed = false;
  bool is_undecided = false;  // by L4, and not settled
  bool is_midstream = false;
  bool was_reset = false;
  bool lacks_last = false;  // a gap that no limit made
  const std::string& toward_pod() const { return octets[is_pod_opener ? 1 : 0]; }
  const std::string& from_pod() const { return octets[is_pod_opener ? 0 : 1]; }
  bool has_ended_toward_pod() const { return has_ended[is_pod_opener ? 1 : 0]; }
  bool has_gap_toward_pod() const { return has_gap[is_pod_opener ? 1 : 0]; }
  // Whether the judge has read, and let go, what the pod sent up to `end`.
  bool may_leave_pod(uint64_t end) const {
    return end <= from_pod().size() && (!is_undecided || end <= released[is_pod_opener ? 0 : 1]);
  }
};

class Parsers {
 public:
  explicit Parsers(const Case& one)
      : judge_(one.judge), settle_octets_(one.settle_octets), random_(one.seed) {}
  // What the events told; not empty: what is wrong with them.
  std::string take(const engine_test::Events& events);
  // Commands that are due, of those that wait.
  std::vector<engine::CommandHeader> due(bool all);
  // What it allows from here on.
  void given(const engine::CommandHeader& command);
  const std::vector<Inspected>& flows() const { return flows_; }
  // Gaps since octets wait for others only so long.
  uint32_t gaps() const { return gaps_; }

 private:
  struct Waiting {
    uint32_t due;
    engine::CommandHeader command;
  };
  std::string take_octets(const engine_test::Event& event);
  std::string take_gap(const engine_test::Event& event);
  void answer(const Inspected& flow, engine::Dir dir);
  Inspected* find(uint64_t id);

  Judge judge_;
  uint32_t settle_octets_;
  Random random_;
  uint32_t turn_ = 0;
  uint32_t gaps_ = 0;
  std::vector<Inspected> flows_;
  std::vector<uint64_t> others_;  // not TCP: what the kernel says by ICMP
  std::deque<Waiting> waiting_;
};

}  // namespace vethwall::differential
