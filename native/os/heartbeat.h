// The time of the last finished round of an engine thread, CLOCK_MONOTONIC in ns, 0 = not running:
// in a BPF array map for the kernel programs, in a shared file for the watchdog of the tc driver.
// A slot is a host-order uint64 for each shard.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

namespace vethwall::os {

class Heartbeat {
 public:
  // `map_fd`: BPF_F_MMAPABLE array of 8-octet values, or -1. `path`: created if absent, or empty.
  Heartbeat(int map_fd, const std::string& path, uint32_t slot);
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;
  void stamp(uint64_t now_ns);

 private:
  struct Mapping {
    void* memory = nullptr;
    size_t octets = 0;
    std::atomic<uint64_t>* slot = nullptr;
  };
  static Mapping map(int fd, uint32_t slot, const std::string& subject);
  Mapping map_;
  Mapping file_;
};

}  // namespace vethwall::os
