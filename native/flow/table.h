// The flows of one shard, found by key and by id, with a hard cap.
#pragma once
#include <cstdlib>
#include <memory>
#include <vector>

#include "flow/flow.h"
#include "flow/siphash.h"

namespace vethwall::flow {

class FlowTable {
 public:
  FlowTable(uint32_t cap, const SipKey& key);
  Flow* find(const Key& key) const;
  Flow* find(uint64_t id) const;
  bool is_full() const { return count_ >= cap_; }
  // A fresh flow with the next id; null when full.
  Flow* insert(const Key& key);
  void erase(Flow& flow);
  uint32_t size() const { return count_; }
  uint32_t cap() const { return cap_; }
  // Flows stay where they are: those that are inserted later may be at any place.
  size_t places() const { return slabs_.size() * kSlabFlows; }
  // Null where none is.
  Flow* at(size_t place) const {
    Flow& flow = flow_at(static_cast<Place>(place + 1));
    return flow.id == 0 ? nullptr : &flow;
  }
  // `visit` may erase the flow it is given, no other.
  template <typename Visit>
  void for_each(Visit visit) {
    for (const auto& slab : slabs_)
      for (size_t i = 0; i < kSlabFlows; ++i)
        if (slab[i].id != 0) visit(slab[i]);
  }

 private:
  static constexpr size_t kSlabFlows = 128;
  struct Free {
    void operator()(Place* buckets) const { std::free(buckets); }
  };
  using Buckets = std::unique_ptr<Place[], Free>;
  static Buckets buckets(size_t count);
  Flow& flow_at(Place place) const {
    const size_t at = static_cast<size_t>(place) - 1;
    return slabs_[at / kSlabFlows][at % kSlabFlows];
  }
  Place& bucket(const Key& key) const;
  Place& bucket(uint64_t id) const { return by_id_[id & mask_]; }
  // Takes the flow out of a bucket's chain; where it was.
  template <Place Flow::*Next>
  Place unlink(Place& head, const Flow& flow);
  void grow();

  uint32_t cap_;
  SipKey sip_key_;
  uint32_t count_ = 0;
  uint64_t mask_;
  uint64_t next_id_;
  // Places, which take half as much as pointers. Memory that no flow has used is not resident.
  Buckets by_key_;
  Buckets by_id_;
  std::vector<std::unique_ptr<Flow[]>> slabs_;
  Place free_ = Place::kNone;
};

}  // namespace vethwall::flow
