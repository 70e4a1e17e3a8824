#include "os/sysctl.h"

#include <dirent.h>
#include <fcntl.h>

#include <array>
#include <cerrno>
#include <memory>

#include "os/fault.h"
#include "os/fd.h"
#include "os/netns.h"

namespace vethwall::os {
namespace {

// What says nothing about the file: taken for an answer, a setting would be lost without a word.
bool is_shortage(int error) { return error == EMFILE || error == ENFILE || error == ENOMEM; }

// `path` from the folder behind `folder_fd`, unless it is absolute.
std::optional<std::string> read_file(int folder_fd, const std::string& path) {
  const Fd file(::openat(folder_fd, path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) {
    if (is_shortage(errno)) fail(errno, "open", path);
    return std::nullopt;
  }
  std::string text;
  std::array<char, 4096> chunk;
  for (;;) {
    const ssize_t octets = ::read(file.get(), chunk.data(), chunk.size());
    if (octets == 0) return text;
    if (octets > 0) {
      text.append(chunk.data(), static_cast<size_t>(octets));
      // A sysctl tells all that there is: only a full chunk may not be the last.
      if (static_cast<size_t>(octets) < chunk.size()) return text;
    } else if (errno != EINTR) {
      if (is_shortage(errno)) fail(errno, "read", path);
      return std::nullopt;
    }
  }
}

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

// By descriptor: a path from the root would be walked once for each file.
std::vector<FileText> read_folder(const std::string& path) {
  const std::unique_ptr<DIR, CloseFolder> folder(::opendir(path.c_str()));
  if (!folder) {
    if (is_shortage(errno)) fail(errno, "open", path);
    return {};
  }
  std::vector<FileText> files;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(folder.get());
    if (entry == nullptr) {
      if (errno != 0) fail(errno, "getdents64", path);
      return files;
    }
    if (entry->d_type != DT_REG) continue;
    auto text = read_file(::dirfd(folder.get()), entry->d_name);
    if (text) files.push_back({entry->d_name, std::move(*text)});
  }
}

// One write(2): a sysctl takes its value whole or not at all.
int write_file(const std::string& path, const std::string& text) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) return errno;
  for (;;) {
    if (::write(file.get(), text.data(), text.size()) >= 0) return 0;
    if (errno != EINTR) return errno;
  }
}

}  // namespace

std::vector<std::optional<std::string>> netns_read_files(int netns_fd,
                                                         const std::vector<std::string>& paths) {
  std::vector<std::optional<std::string>> texts;
  run_in_netns(netns_fd, [&] {
    for (const std::string& path : paths) texts.push_back(read_file(AT_FDCWD, path));
  });
  return texts;
}

std::vector<std::vector<FileText>> netns_read_folders(int netns_fd,
                                                      const std::vector<std::string>& folders) {
  std::vector<std::vector<FileText>> all;
  run_in_netns(netns_fd, [&] {
    for (const std::string& folder : folders) all.push_back(read_folder(folder));
  });
  return all;
}

std::vector<int> netns_write_files(int netns_fd,
                                   const std::vector<std::pair<std::string, std::string>>& files) {
  std::vector<int> errors;
  run_in_netns(netns_fd, [&] {
    for (const auto& [path, text] : files) errors.push_back(write_file(path, text));
  });
  return errors;
}

}  // namespace vethwall::os
