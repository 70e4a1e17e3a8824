#include "flow/hold_queue.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace vethwall::flow {
namespace {

// Segments of one octet each would cost two hundred times what they carry.
constexpr size_t kMaxFrames = 1024;

}  // namespace

uint64_t Held::cost_octets() const {
  uint64_t cost = sizeof(Held) + frame.size();
  for (const wire::HeldFrame& fragment : fragments)
    cost += sizeof(wire::HeldFrame) + fragment.frame.size();
  return cost;
}

void HoldQueue::account(const Held& held) {
  budget_.used_octets += held.cost_octets();
  kept_->payload_octets += held.packet.payload_octets;
}

void HoldQueue::discount(const Held& held) {
  budget_.used_octets -= held.cost_octets();
  kept_->payload_octets -= held.packet.payload_octets;
}

void HoldQueue::insert(Held held) {
  if (kept_ == nullptr) kept_ = std::make_unique<Kept>();
  account(held);
  std::vector<Held>& frames = kept_->frames;
  const auto place =
      std::upper_bound(frames.begin(), frames.end(), held.from,
                       [](uint64_t from, const Held& other) { return from < other.from; });
  frames.insert(place, std::move(held));
}

template <typename Gone>
void HoldQueue::erase_where(Gone gone) {
  if (kept_ == nullptr) return;
  std::erase_if(kept_->frames, [&](const Held& held) {
    if (!gone(held)) return false;
    discount(held);
    return true;
  });
  if (kept_->frames.empty()) kept_.reset();
}

void HoldQueue::insert_as_receiver(Held held) {
  for (const Held& old : frames())
    if (old.from <= held.from && held.end() <= old.end()) return;
  erase_where([&](const Held& old) { return held.from <= old.from && old.end() <= held.end(); });
  insert(std::move(held));
}

void HoldQueue::erase_front(size_t count) {
  if (kept_ == nullptr) return;
  std::vector<Held>& frames = kept_->frames;
  for (size_t i = 0; i < count; ++i) discount(frames[i]);
  if (count == frames.size())
    kept_.reset();
  else
    frames.erase(frames.begin(), frames.begin() + static_cast<ptrdiff_t>(count));
}

void HoldQueue::replace(size_t index, Held held) {
  discount(kept_->frames[index]);
  account(held);
  kept_->frames[index] = std::move(held);
}

void HoldQueue::erase_sent() {
  erase_where([](const Held& held) { return held.is_sent; });
}

void HoldQueue::erase_taken(uint64_t next) {
  erase_where([&](const Held& held) { return held.passed && held.to <= next; });
}

void HoldQueue::erase_begun_before(uint64_t at) {
  erase_where([&](const Held& held) { return held.from < at; });
}

void HoldQueue::erase_ended_by(uint64_t at) {
  erase_where([&](const Held& held) { return held.end() <= at; });
}

void HoldQueue::erase_waiting(uint64_t next) {
  erase_where([&](const Held& held) { return !held.passed && held.from > next; });
}

void HoldQueue::clear() { erase_front(frames().size()); }

bool HoldQueue::agrees(uint64_t at, std::span<const uint8_t> octets) const {
  const uint64_t end = at + octets.size();
  for (const Held& held : frames()) {
    if (held.from >= end) break;
    const uint64_t from = std::max(at, held.from);
    const uint64_t to = std::min(end, held.to);
    if (from >= to) continue;
    if (std::memcmp(octets.data() + (from - at), held.payload().data() + (from - held.from),
                    to - from) != 0)
      return false;
  }
  return true;
}

bool HoldQueue::covers(uint64_t from, uint64_t to) const {
  uint64_t reached = from;
  for (const Held& held : frames()) {
    if (held.from > reached || reached >= to) break;
    if (!held.passed) reached = std::max(reached, held.to);
  }
  return reached >= to;
}

bool HoldQueue::has_fin() const {
  return std::ranges::any_of(frames(), [](const Held& held) { return held.fin; });
}

uint64_t HoldQueue::merged_from(size_t index) const {
  uint64_t from = frames()[index].from;
  for (size_t i = index; i-- > 0;)
    if (frames()[i].end() == from) from = frames()[i].from;
  return from;
}

uint64_t HoldQueue::doubtful_end(const Held& held) const {
  for (size_t i = 0; i < frames().size(); ++i) {
    const Held& old = frames()[i];
    if (old.fin && held.from == old.end()) return old.to;
    const bool covers_fin = old.fin && held.from <= old.from && old.to < held.to;
    if (covers_fin && merged_from(i) < held.from) return old.to;
    const bool ends_within = held.fin && held.from < old.from && held.to < old.to;
    if (ends_within && old.from <= held.to && merged_from(i) <= held.from) return held.to;
  }
  return ~uint64_t{0};
}

std::vector<uint8_t> HoldQueue::behind_fin(uint64_t at, uint64_t end) const {
  std::vector<uint8_t> out;
  uint64_t next = at + 1;
  for (const Held& held : frames()) {
    if (held.from <= at && at < held.to) return {};
    if (held.from != next || next >= end) continue;
    out.insert(out.end(), held.payload().begin(), held.payload().end());
    next = held.end();
  }
  return out;
}

void HoldQueue::forget_fin(uint64_t at) {
  if (kept_ == nullptr) return;
  for (Held& held : kept_->frames)
    if (held.to == at) held.fin = false;
}

bool HoldQueue::has_unsent() const {
  return std::ranges::any_of(frames(), [](const Held& held) { return !held.passed; });
}

bool HoldQueue::is_long() const { return frames().size() >= kMaxFrames; }

}  // namespace vethwall::flow
