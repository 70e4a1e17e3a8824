// One case: peer, engine, kernel and judge, and what must be equal in the end.
#pragma once
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "differential/case.h"
#include "differential/peer.h"
#include "differential/program.h"
#include "differential/tunnel.h"
#include "engine/engine.h"
#include "test/engine_recorder.h"

namespace vethwall::differential {

// What outlives a case.
struct World {
  World();
  Tunnel tunnel;
  engine_test::Frames frames;
  engine_test::Ring ring;
  std::unique_ptr<engine::Engine> engine;
  std::array<std::array<os::Fd, 2>, 2> listeners;  // by family, by whether L4 allows
  uint64_t now_ns = 1000'000'000'000;
  uint32_t cases = 0;
  bool is_traced = false;  // each packet and event is printed
};

struct Outcome {
  std::string wrong;      // empty: nothing is
  uint64_t received = 0;  // octets that a socket delivered
};
Outcome run_case(World& world, const Case& one);

}  // namespace vethwall::differential
