// mount(2), and the folders that mounts need.
#pragma once
#include <string>

namespace vethwall::os {

void make_parent_directories(const std::string& path);
// Lazy: what is in use stays alive until its last user is gone.
void unmount(const std::string& path);
// bpffs over `path`; nothing to do where one is there already.
void mount_bpffs(const std::string& path);

}  // namespace vethwall::os
