#include "flow/table.h"

#include <algorithm>
#include <bit>
#include <new>
#include <utility>

namespace vethwall::flow {
namespace {

// JavaScript's integers are exact below 2^53; starting in the lower half leaves 2^52 flows.
constexpr uint64_t kFirstIdMask = (uint64_t{1} << 52) - 1;

std::span<const uint8_t, sizeof(Key)> octets_of(const Key& key) {
  return std::span<const uint8_t, sizeof(Key)>(reinterpret_cast<const uint8_t*>(&key), sizeof(Key));
}

}  // namespace

FlowTable::FlowTable(uint32_t cap, const SipKey& key)
    : cap_(cap),
      sip_key_(key),
      mask_(std::bit_ceil(uint64_t{std::max(cap, 1u)}) - 1),
      // From the key, so that ids of one run are not mistaken for those of the run before.
      next_id_((siphash24(key, {}) & kFirstIdMask) | 1),
      by_key_(buckets(mask_ + 1)),
      by_id_(buckets(mask_ + 1)) {}

FlowTable::Buckets FlowTable::buckets(size_t count) {
  Buckets empty(static_cast<Place*>(std::calloc(count, sizeof(Place))));
  if (empty == nullptr) throw std::bad_alloc();
  return empty;
}

Place& FlowTable::bucket(const Key& key) const {
  return by_key_[siphash13(sip_key_, octets_of(key)) & mask_];
}

Flow* FlowTable::find(const Key& key) const {
  for (Place place = bucket(key); place != Place::kNone;) {
    Flow& flow = flow_at(place);
    if (flow.key == key) return &flow;
    place = flow.next_by_key;
  }
  return nullptr;
}

Flow* FlowTable::find(uint64_t id) const {
  for (Place place = bucket(id); place != Place::kNone;) {
    Flow& flow = flow_at(place);
    if (flow.id == id) return &flow;
    place = flow.next_by_id;
  }
  return nullptr;
}

void FlowTable::grow() {
  const size_t first = places();
  slabs_.push_back(std::make_unique<Flow[]>(kSlabFlows));
  for (size_t i = kSlabFlows; i-- > 0;) {
    slabs_.back()[i].next_by_key = free_;
    free_ = static_cast<Place>(first + i + 1);
  }
}

Flow* FlowTable::insert(const Key& key) {
  if (is_full()) return nullptr;
  if (free_ == Place::kNone) grow();
  const Place place = free_;
  Flow& flow = flow_at(place);
  free_ = flow.next_by_key;
  flow.key = key;
  flow.id = next_id_++;
  flow.next_by_key = std::exchange(bucket(key), place);
  flow.next_by_id = std::exchange(bucket(flow.id), place);
  ++count_;
  return &flow;
}

template <Place Flow::*Next>
Place FlowTable::unlink(Place& head, const Flow& flow) {
  Place* link = &head;
  while (&flow_at(*link) != &flow) link = &(flow_at(*link).*Next);
  return std::exchange(*link, flow.*Next);
}

void FlowTable::erase(Flow& flow) {
  unlink<&Flow::next_by_key>(bucket(flow.key), flow);
  const Place place = unlink<&Flow::next_by_id>(bucket(flow.id), flow);
  flow = Flow{};
  flow.next_by_key = std::exchange(free_, place);
  --count_;
}

}  // namespace vethwall::flow
