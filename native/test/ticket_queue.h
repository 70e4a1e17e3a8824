// A kernel queue as the tickets see it: what was queued, and what became of it.
#pragma once
#include <map>
#include <vector>

#include "test/tap.h"
#include "wire/ticket.h"

namespace vethwall::engine_test {

class TicketQueue final : public wire::TicketIssuer {
 public:
  wire::Ticket issue() { return {*this, issued++, 0}; }
  bool settle(uint32_t packet_id, uint32_t, wire::Fate fate) noexcept override {
    const bool is_first = fates.emplace(packet_id, fate).second;
    CHECK(is_first);
    CHECK(packet_id < issued);
    return fate == wire::Fate::kAcceptSettled;
  }
  size_t waiting() const { return issued - fates.size(); }
  size_t count(wire::Fate fate) const {
    size_t found = 0;
    for (const auto& [id, one] : fates) found += one == fate ? 1 : 0;
    return found;
  }
  size_t accepted() const { return count(wire::Fate::kAccept) + count(wire::Fate::kAcceptSettled); }
  size_t dropped() const { return count(wire::Fate::kDrop); }

  uint32_t issued = 0;
  std::map<uint32_t, wire::Fate> fates;
};

}  // namespace vethwall::engine_test
