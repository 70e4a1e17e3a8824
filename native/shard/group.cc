#include "shard/group.h"

#include <algorithm>

namespace vethwall::shard {

Group::Group(const wire::Spread& spread) : spread_(spread) {
  for (uint32_t i = 0; i < spread.shards; i++) members_.push_back(std::make_unique<Member>());
}

void Group::join(uint32_t shard, std::function<void()> wake) {
  Member& member = *members_[shard];
  const std::lock_guard lock(member.mutex);
  member.wake = std::move(wake);
}

void Group::leave(uint32_t shard) {
  join(shard, {});
  stamp(shard, 0);
}

bool Group::pass(uint32_t shard, const wire::VnetHeader& vnet, wire::Frame frame) {
  Member& member = *members_[shard];
  if (!member.inbox.put(vnet, frame)) return false;
  const std::lock_guard lock(member.mutex);
  if (member.wake) member.wake();
  return true;
}

uint64_t Group::stamp(uint32_t shard, uint64_t now_ns) {
  members_[shard]->stamp_ns.store(now_ns, std::memory_order_relaxed);
  uint64_t oldest_ns = now_ns;
  for (const auto& member : members_)
    oldest_ns = std::min(oldest_ns, member->stamp_ns.load(std::memory_order_relaxed));
  return oldest_ns;
}

}  // namespace vethwall::shard
