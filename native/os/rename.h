// renameat2(2).
#pragma once
#include <string>

namespace vethwall::os {

// RENAME_EXCHANGE: both names stay, what they name changes places at once.
void rename_exchange(const std::string& a, const std::string& b);

}  // namespace vethwall::os
