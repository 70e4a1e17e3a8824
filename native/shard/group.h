// What the shards of one device share: how flows are spread over them, frames that one passes to
// another, and one heartbeat. A pod's frames come to any of them, so that it is as old as the
// oldest.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "shard/inbox.h"
#include "wire/spread.h"

namespace vethwall::shard {

class Group {
 public:
  explicit Group(const wire::Spread& spread);

  const wire::Spread& spread() const { return spread_; }
  Inbox& inbox(uint32_t shard) { return members_[shard]->inbox; }
  // `wake` is called on other shards' threads until leave().
  void join(uint32_t shard, std::function<void()> wake);
  void leave(uint32_t shard);
  // False = its inbox is full.
  bool pass(uint32_t shard, const wire::VnetHeader& vnet, wire::Frame frame);
  // The shard is alive; the time of the one that was last alive longest ago, 0 = one has not begun.
  uint64_t stamp(uint32_t shard, uint64_t now_ns);

 private:
  struct Member {
    std::atomic<uint64_t> stamp_ns = 0;
    Inbox inbox;
    std::mutex mutex;  // of the next one
    std::function<void()> wake;
  };
  const wire::Spread spread_;
  std::vector<std::unique_ptr<Member>> members_;
};

}  // namespace vethwall::shard
