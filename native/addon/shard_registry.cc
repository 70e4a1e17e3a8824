#include "addon/shard_registry.h"

#include <map>
#include <mutex>

namespace vethwall::addon {
namespace {

struct Registry {
  std::mutex mutex;
  std::map<uint32_t, std::weak_ptr<shard::Shard>> shards;
  uint32_t last = 0;
};

// Never destroyed: threads of other environments may outlive static destruction.
Registry& registry() {
  static auto* const only = new Registry;
  return *only;
}

}  // namespace

uint32_t register_shard(const std::shared_ptr<shard::Shard>& shard) {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  all.shards.emplace(++all.last, shard);
  return all.last;
}

void forget_shard(uint32_t number) {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  all.shards.erase(number);
}

std::shared_ptr<shard::Shard> find_shard(uint32_t number) {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  const auto found = all.shards.find(number);
  return found == all.shards.end() ? nullptr : found->second.lock();
}

}  // namespace vethwall::addon
