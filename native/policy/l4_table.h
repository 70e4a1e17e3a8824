// The L3/L4 half of the compiled policy: written by src/core/policy/l4-table.ts as one block of
// octets, read here once with every length checked, evaluated once per new flow. The same decision
// as src/core/policy/evaluate.ts with all L7 facts missing; a differential test holds them equal.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "engine/records.h"
#include "policy/learned_names.h"
#include "wire/packet.h"

namespace vethwall::policy {

struct Verdict {
  engine::L4Verdict verdict;
  uint32_t rule;  // 0 while undecided
};

// What is judged: always as opener -> receiver.
struct Connection {
  uint16_t endpoint;
  engine::PodSide pod_side;   // opener: podEgress is judged, receiver: podIngress
  uint8_t protocol;           // IPPROTO_*
  uint16_t destination_port;  // host order; ignored for ICMP
  wire::Address source;
  wire::Address destination;
  // Milliseconds of the engine's clock; kWheneverMs: of a flow that lives already.
  uint64_t at_ms = kWheneverMs;
};

class Table {
 public:
  virtual ~Table() = default;
  virtual uint32_t generation() const = 0;
  // An endpoint that the table doesn't know: allow, kRuleNotIsolated.
  virtual Verdict evaluate(const Connection&) const = 0;
};

// Null with the reason in `error` where the block is not a well-formed table. Rules that name peers
// by name go by `names`; null: nobody asked for any.
std::unique_ptr<Table> load_table(std::span<const uint8_t> block, std::string& error,
                                  std::shared_ptr<const LearnedNames> names = nullptr);

}  // namespace vethwall::policy
