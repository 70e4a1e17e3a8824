// The kernel program's flow map (native/bpf/flows.bpf.h), read and pruned by the engine.
#pragma once
#include "engine/carrier.h"

namespace vethwall::shard {

class FlowMap final : public engine::Carrier {
 public:
  // The map `flows`; stays the caller's to close. Throws os::Fault where it has another shape.
  explicit FlowMap(int fd);
  bool carry(const engine::CarriedFlow& flow, uint32_t epoch,
             const std::array<engine::PassRange, 2>& ranges) override;
  engine::CarriedCounts read(const engine::CarriedFlow& flow) override;
  void forget(const engine::CarriedFlow& flow) override;

 private:
  int fd_;
};

}  // namespace vethwall::shard
