#include "flow/table.h"

#include <algorithm>
#include <bit>

namespace vethwall::flow {
namespace {

// JavaScript's integers are exact below 2^53; starting in the lower half leaves 2^52 flows.
constexpr uint64_t kFirstIdMask = (uint64_t{1} << 52) - 1;

std::span<const uint8_t> octets_of(const Key& key) {
  return {reinterpret_cast<const uint8_t*>(&key), sizeof(Key)};
}

}  // namespace

FlowTable::FlowTable(uint32_t cap, const SipKey& key)
    : cap_(cap),
      sip_key_(key),
      mask_(std::bit_ceil(uint64_t{std::max(cap, 1u)}) - 1),
      // From the key, so that ids of one run are not mistaken for those of the run before.
      next_id_((siphash24(key, {}) & kFirstIdMask) | 1),
      by_key_(std::make_unique<Flow*[]>(mask_ + 1)),
      by_id_(std::make_unique<Flow*[]>(mask_ + 1)) {}

Flow*& FlowTable::bucket(const Key& key) const {
  return by_key_[siphash24(sip_key_, octets_of(key)) & mask_];
}

Flow* FlowTable::find(const Key& key) const {
  Flow* flow = bucket(key);
  while (flow != nullptr && !(flow->key == key)) flow = flow->next_by_key;
  return flow;
}

Flow* FlowTable::find(uint64_t id) const {
  Flow* flow = by_id_[id & mask_];
  while (flow != nullptr && flow->id != id) flow = flow->next_by_id;
  return flow;
}

void FlowTable::grow() {
  slabs_.push_back(std::make_unique<Flow[]>(kSlabFlows));
  for (size_t i = kSlabFlows; i-- > 0;) {
    slabs_.back()[i].next_by_key = free_;
    free_ = &slabs_.back()[i];
  }
}

Flow* FlowTable::insert(const Key& key) {
  if (is_full()) return nullptr;
  if (free_ == nullptr) grow();
  Flow* flow = free_;
  free_ = flow->next_by_key;
  flow->key = key;
  flow->id = next_id_++;
  Flow*& head = bucket(key);
  flow->next_by_key = head;
  head = flow;
  flow->next_by_id = by_id_[flow->id & mask_];
  by_id_[flow->id & mask_] = flow;
  ++count_;
  return flow;
}

void FlowTable::erase(Flow& flow) {
  Flow** link = &bucket(flow.key);
  while (*link != &flow) link = &(*link)->next_by_key;
  *link = flow.next_by_key;
  link = &by_id_[flow.id & mask_];
  while (*link != &flow) link = &(*link)->next_by_id;
  *link = flow.next_by_id;
  flow = Flow{};
  flow.next_by_key = free_;
  free_ = &flow;
  --count_;
}

}  // namespace vethwall::flow
