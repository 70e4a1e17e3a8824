// `*` is any run of characters, also none: as src/core/policy/glob.ts.
#pragma once
#include <string_view>

namespace vethwall::policy {

// The whole text must match. Linear in the text for each star.
bool matches_name(std::string_view pattern, std::string_view text);

}  // namespace vethwall::policy
