#include "os/tcx.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

#include "os/fault.h"
#include "os/fd.h"
#include "os/netns.h"

namespace vethwall::os {
namespace {

// Of 6.6's linux/bpf.h; that of the build may be older.
constexpr uint32_t kTcxIngress = 46;
constexpr uint32_t kTcxEgress = 47;
constexpr uint32_t kReplace = 1 << 2;
constexpr uint32_t kBefore = 1 << 3;
// BPF_MPROG_MAX: a hook holds no more.
constexpr size_t kProgramsMax = 64;

// BPF_PROG_ATTACH's and BPF_PROG_DETACH's part of union bpf_attr.
struct AttachAttr {
  uint32_t target_ifindex;
  uint32_t attach_bpf_fd;
  uint32_t attach_type;
  uint32_t attach_flags;
  uint32_t replace_bpf_fd;
  uint32_t relative_fd;
  uint64_t expected_revision;
};

// BPF_PROG_QUERY's.
struct QueryAttr {
  uint32_t target_ifindex;
  uint32_t attach_type;
  uint32_t query_flags;
  uint32_t attach_flags;
  uint64_t prog_ids;
  uint32_t count;
  uint32_t reserved;
  uint64_t prog_attach_flags;
  uint64_t link_ids;
  uint64_t link_attach_flags;
  uint64_t revision;
};

template <typename T>
int bpf(bpf_cmd command, T& attr) {
  return static_cast<int>(::syscall(SYS_bpf, command, &attr, sizeof attr));
}

std::string subject(const TcxHook& hook) {
  return (hook.is_egress ? "egress" : "ingress") + (" of ifindex " + std::to_string(hook.ifindex));
}

uint32_t attach_type(const TcxHook& hook) { return hook.is_egress ? kTcxEgress : kTcxIngress; }

// Empty = it is gone.
Fd program_by_id(uint32_t id) {
  bpf_attr attr = {};
  attr.prog_id = id;
  const int fd = bpf(BPF_PROG_GET_FD_BY_ID, attr);
  if (fd < 0 && errno != ENOENT) {
    fail(errno, "bpf(BPF_PROG_GET_FD_BY_ID)", std::to_string(id));
  }
  return Fd(fd);
}

std::string name_of(int fd) {
  bpf_prog_info program = {};
  bpf_attr attr = {};
  attr.info.bpf_fd = static_cast<uint32_t>(fd);
  attr.info.info_len = sizeof program;
  attr.info.info = reinterpret_cast<uintptr_t>(&program);
  check(bpf(BPF_OBJ_GET_INFO_BY_FD, attr), "bpf(BPF_OBJ_GET_INFO_BY_FD)",
        "fd " + std::to_string(fd));
  return program.name;
}

}  // namespace

std::vector<TcxProgram> tcx_programs(const TcxHook& hook) {
  std::array<uint32_t, kProgramsMax> ids = {};
  QueryAttr attr = {};
  attr.target_ifindex = hook.ifindex;
  attr.attach_type = attach_type(hook);
  attr.prog_ids = reinterpret_cast<uintptr_t>(ids.data());
  attr.count = ids.size();
  bool has_any = true;
  run_in_netns(hook.netns_fd, [&] {
    const int result = bpf(BPF_PROG_QUERY, attr);
    has_any = result == 0 || errno != ENOENT;
    if (has_any) check(result, "bpf(BPF_PROG_QUERY)", subject(hook));
  });
  std::vector<TcxProgram> programs;
  for (uint32_t i = 0; has_any && i < attr.count; i++) {
    const Fd fd = program_by_id(ids[i]);
    if (fd) programs.push_back({ids[i], name_of(fd.get())});
  }
  return programs;
}

void tcx_attach(const TcxHook& hook, int program_fd, uint32_t replaced_id) {
  const Fd replaced = replaced_id == 0 ? Fd() : program_by_id(replaced_id);
  AttachAttr attr = {};
  attr.target_ifindex = hook.ifindex;
  attr.attach_bpf_fd = static_cast<uint32_t>(program_fd);
  attr.attach_type = attach_type(hook);
  attr.attach_flags = replaced ? kReplace : kBefore;
  if (replaced) attr.replace_bpf_fd = static_cast<uint32_t>(replaced.get());
  run_in_netns(hook.netns_fd,
               [&] { check(bpf(BPF_PROG_ATTACH, attr), "bpf(BPF_PROG_ATTACH)", subject(hook)); });
}

void tcx_detach(const TcxHook& hook, uint32_t program_id) {
  const Fd program = program_by_id(program_id);
  if (!program) return;
  AttachAttr attr = {};
  attr.target_ifindex = hook.ifindex;
  attr.attach_bpf_fd = static_cast<uint32_t>(program.get());
  attr.attach_type = attach_type(hook);
  run_in_netns(hook.netns_fd,
               [&] { check(bpf(BPF_PROG_DETACH, attr), "bpf(BPF_PROG_DETACH)", subject(hook)); });
}

}  // namespace vethwall::os
