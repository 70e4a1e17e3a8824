// Verdicts that no document states; the same numbers as src/core/policy/rule-id.ts.
#pragma once
#include <cstdint>

namespace vethwall::engine {

inline constexpr uint32_t kRuleNone = 0;
inline constexpr uint32_t kRuleNotIsolated = 2;
inline constexpr uint32_t kRuleHoldLimit = 7;
inline constexpr uint32_t kRuleFailure = 8;
inline constexpr uint32_t kRuleMidstream = 10;

}  // namespace vethwall::engine
