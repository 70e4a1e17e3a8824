// Programs on the hooks of a device without a qdisc (linux/bpf.h, BPF_TCX_INGRESS and _EGRESS,
// since 6.6): a clsact put there stops the device for a grace period, these cost no frame.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace vethwall::os {

// A device in the namespace behind `netns_fd`; an index means nothing outside of its own.
struct TcxHook {
  int netns_fd;
  uint32_t ifindex;
  bool is_egress;
};

struct TcxProgram {
  uint32_t id;
  std::string name;
};

// In the order in which they run. A kernel that has no such hooks says EINVAL.
std::vector<TcxProgram> tcx_programs(const TcxHook&);
// Before all others; in the place of the program `replaced_id`, in one step, where that is not 0.
void tcx_attach(const TcxHook&, int program_fd, uint32_t replaced_id);
void tcx_detach(const TcxHook&, uint32_t program_id);

}  // namespace vethwall::os
