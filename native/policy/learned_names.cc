#include "policy/learned_names.h"

#include <algorithm>
#include <mutex>

namespace vethwall::policy {
namespace {

using Name = LearnedNames::Name;

uint64_t last_expiry(const std::vector<Name>& names) {
  uint64_t last = 0;
  for (const Name& name : names) last = std::max(last, name.expires_ms);
  return last;
}

}  // namespace

void LearnedNames::learn(const Record& record, uint64_t now_ms) {
  const std::unique_lock lock(mutex_);
  ++learned_;
  const Key key = {record.endpoint, record.address};
  if (counts_[record.endpoint] >= kLearnedNamesMax) make_room(record.endpoint, now_ms);
  std::vector<Name>& names = addresses_[key];
  const auto known = std::find_if(names.begin(), names.end(),
                                  [&](const Name& name) { return name.text == record.name.text; });
  if (known != names.end()) {
    known->expires_ms = std::max(known->expires_ms, record.name.expires_ms);
    return;
  }
  if (names.size() >= kNamesOfAddressMax) {
    const auto first =
        std::min_element(names.begin(), names.end(),
                         [](const Name& a, const Name& b) { return a.expires_ms < b.expires_ms; });
    if (first->expires_ms > now_ms) ++evicted_;
    *first = record.name;
    return;
  }
  names.push_back(record.name);
  ++counts_[record.endpoint];
}

void LearnedNames::make_room(uint16_t endpoint, uint64_t now_ms) {
  const auto begin = addresses_.lower_bound({endpoint, {}});
  auto first = begin;
  uint64_t first_ms = UINT64_MAX;
  for (auto at = begin; at != addresses_.end() && at->first.endpoint == endpoint; ++at) {
    const uint64_t expires_ms = last_expiry(at->second);
    if (expires_ms >= first_ms) continue;
    first = at;
    first_ms = expires_ms;
  }
  if (first == addresses_.end()) return;
  const size_t names = first->second.size();
  if (first_ms > now_ms) evicted_ += names;
  counts_[endpoint] -= names;
  addresses_.erase(first);
}

std::vector<std::string> LearnedNames::names_of(uint16_t endpoint, const wire::Address& address,
                                                uint64_t at_ms) const {
  std::vector<std::string> names;
  any(endpoint, address, at_ms, [&](std::string_view name) {
    names.emplace_back(name);
    return false;
  });
  return names;
}

void LearnedNames::forget(uint16_t endpoint) {
  const std::unique_lock lock(mutex_);
  std::erase_if(addresses_, [&](const auto& entry) { return entry.first.endpoint == endpoint; });
  counts_.erase(endpoint);
}

std::vector<LearnedNames::Record> LearnedNames::records() const {
  const std::shared_lock lock(mutex_);
  std::vector<Record> all;
  for (const auto& [key, names] : addresses_)
    for (const Name& name : names) all.push_back({key.endpoint, key.address, name});
  return all;
}

uint64_t LearnedNames::learned() const {
  const std::shared_lock lock(mutex_);
  return learned_;
}

uint64_t LearnedNames::evicted() const {
  const std::shared_lock lock(mutex_);
  return evicted_;
}

}  // namespace vethwall::policy
