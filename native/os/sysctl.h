// Files whose content depends on the reader's network namespace: /proc/sys/net.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace vethwall::os {

// One answer for each path; empty where reading fails.
std::vector<std::optional<std::string>> netns_read_files(int netns_fd,
                                                         const std::vector<std::string>& paths);
struct FileText {
  std::string name;
  std::string text;
};
// Each folder's files that can be read, in no order; none where there is no such folder.
std::vector<std::vector<FileText>> netns_read_folders(int netns_fd,
                                                      const std::vector<std::string>& folders);
// path and text, written in order; the errno of each, 0 = ok.
std::vector<int> netns_write_files(int netns_fd,
                                   const std::vector<std::pair<std::string, std::string>>& files);

}  // namespace vethwall::os
