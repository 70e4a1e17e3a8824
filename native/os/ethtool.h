// Device features by the ethtool ioctls (linux/ethtool.h).
#pragma once
#include <string>
#include <vector>

namespace vethwall::os {

// Switches features off by their names in the kernel's string set (`ethtool -k` shows them). Names
// that this kernel or device does not know, or cannot change, are passed over.
void ethtool_features_off(int netns_fd, const std::string& if_name,
                          const std::vector<std::string>& features);

// Those among them that are on and that could be switched off.
std::vector<std::string> ethtool_features_on(int netns_fd, const std::string& if_name,
                                             const std::vector<std::string>& features);

}  // namespace vethwall::os
