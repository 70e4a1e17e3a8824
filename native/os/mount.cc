#include "os/mount.h"

#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "os/fault.h"

namespace vethwall::os {

void make_parent_directories(const std::string& path) {
  for (size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    const std::string folder = path.substr(0, slash);
    if (::mkdir(folder.c_str(), 0755) < 0 && errno != EEXIST) fail(errno, "mkdir", folder);
  }
}

void unmount(const std::string& path) {
  check(::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW), "umount2", path);
}

void mount_bpffs(const std::string& path) {
  make_parent_directories(path + "/");
  struct statfs status = {};
  check(::statfs(path.c_str(), &status), "statfs", path);
  if (status.f_type == BPF_FS_MAGIC) return;
  check(::mount("bpf", path.c_str(), "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"), "mount",
        path);
}

}  // namespace vethwall::os
