// Raw bpf(2) (linux/bpf.h): no library is needed to load a program or to use a map.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "os/fd.h"

namespace vethwall::os {

struct MapSpec {
  uint32_t type;
  uint32_t key_octets;
  uint32_t value_octets;
  uint32_t max_entries;
  uint32_t flags;
  std::string name;
};

// What user space hands over: for per-CPU maps a value is one slot for each possible CPU.
struct MapShape {
  uint32_t key_octets;
  size_t value_octets;
  uint32_t max_entries;
};

Fd bpf_map_create(const MapSpec&);
MapShape bpf_map_shape(int fd);
std::optional<std::vector<uint8_t>> bpf_map_lookup(int fd, std::span<const uint8_t> key,
                                                   size_t value_octets);
void bpf_map_update(int fd, std::span<const uint8_t> key, std::span<const uint8_t> value,
                    uint64_t flags);
// False = there was none.
bool bpf_map_delete(int fd, std::span<const uint8_t> key);
// For a packet path: both are as long as bpf_map_shape() says, and nothing is allocated or thrown.
// False = there was none, or no room.
bool bpf_map_read(int fd, std::span<const uint8_t> key, std::span<uint8_t> value) noexcept;
bool bpf_map_write(int fd, std::span<const uint8_t> key, std::span<const uint8_t> value) noexcept;
bool bpf_map_forget(int fd, std::span<const uint8_t> key) noexcept;
std::vector<std::vector<uint8_t>> bpf_map_keys(int fd, size_t key_octets);
// All of a map in one call: its keys, and its values in the same order, each without gaps.
struct MapEntries {
  std::vector<uint8_t> keys;
  std::vector<uint8_t> values;
};
MapEntries bpf_map_entries(int fd);
// BPF_PROG_TYPE_SCHED_CLS; on failure the verifier's log is the fault's detail.
Fd bpf_prog_load(const std::string& name, std::span<const uint8_t> instructions,
                 const std::string& license);
void bpf_pin(int fd, const std::string& path);
// Empty = no such pin.
std::optional<Fd> bpf_get(const std::string& path);
// The kernel's number of a map or a program, the same for each descriptor and pin of it.
uint32_t bpf_object_id(int fd);

}  // namespace vethwall::os
