// Which names an address stands for, by the answers that a pod's own questions got: what rules that
// name peers by name (fqdn) go by. One store for all threads: who has learned a name may let the
// answer go, and no thread's next packet finds the address unknown.
#pragma once
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "wire/packet.h"

namespace vethwall::policy {

// Of one endpoint, some 128 KiB; a name counts once per address. Full: what expires first goes.
inline constexpr size_t kLearnedNamesMax = 1024;
// Of one address: what a content network serves under it.
inline constexpr size_t kNamesOfAddressMax = 16;

// Live flows outlast the answers that let them begin: asked for at this time, expired names count.
inline constexpr uint64_t kWheneverMs = 0;

class LearnedNames {
 public:
  struct Name {
    std::string text;  // lower case, no final dot
    uint64_t expires_ms;
  };
  struct Record {
    uint16_t endpoint;
    wire::Address address;
    Name name;
  };

  // A name known already lives as long as the later of both.
  void learn(const Record& record, uint64_t now_ms);
  // `matches` is asked of each name that stands at the time, until it says yes.
  template <typename Predicate>
  bool any(uint16_t endpoint, const wire::Address& address, uint64_t at_ms,
           Predicate matches) const {
    const std::shared_lock lock(mutex_);
    const auto found = addresses_.find({endpoint, address});
    if (found == addresses_.end()) return false;
    for (const Name& name : found->second)
      if (name.expires_ms > at_ms && matches(std::string_view(name.text))) return true;
    return false;
  }
  std::vector<std::string> names_of(uint16_t endpoint, const wire::Address& address,
                                    uint64_t at_ms) const;
  void forget(uint16_t endpoint);
  // All of them: for who keeps them over a restart.
  std::vector<Record> records() const;
  // Names that gave way to others before their time.
  uint64_t evicted() const;
  // How often something was learned.
  uint64_t learned() const;

 private:
  struct Key {
    uint16_t endpoint;
    wire::Address address;
    auto operator<=>(const Key&) const = default;
  };
  void make_room(uint16_t endpoint, uint64_t now_ms);

  mutable std::shared_mutex mutex_;
  std::map<Key, std::vector<Name>> addresses_;  // ordered: no sender can choose colliding keys
  std::map<uint16_t, size_t> counts_;           // names of each endpoint
  uint64_t evicted_ = 0;
  uint64_t learned_ = 0;
};

}  // namespace vethwall::policy
