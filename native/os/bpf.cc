#include "os/bpf.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>

#include "os/fault.h"

namespace vethwall::os {
namespace {

constexpr size_t kInstructionOctets = sizeof(bpf_insn);
constexpr int kLoadAttempts = 20;
constexpr size_t kVerifierLogOctets = 1 << 20;
constexpr size_t kErrorLogOctets = 16 << 10;

template <typename T>
uint64_t address_of(const T* pointer) {
  return reinterpret_cast<uintptr_t>(pointer);
}

int bpf(bpf_cmd command, bpf_attr& attr) {
  return static_cast<int>(::syscall(SYS_bpf, command, &attr, sizeof attr));
}

bpf_attr zeroed() {
  bpf_attr attr;
  std::memset(&attr, 0, sizeof attr);  // the kernel refuses unknown octets that are not 0
  return attr;
}

std::string fd_subject(int fd) { return "fd " + std::to_string(fd); }

template <size_t N>
void copy_name(char (&target)[N], const std::string& name) {
  std::memcpy(target, name.data(), std::min(name.size(), N - 1));
}

// "0-3" or "0": the last number says how many slots a per-CPU value has.
size_t possible_cpus() {
  std::ifstream file("/sys/devices/system/cpu/possible");
  std::string text;
  file >> text;
  const size_t begin = text.find_last_of(",-");
  const std::string last = begin == std::string::npos ? text : text.substr(begin + 1);
  if (last.empty()) fail(ENOENT, "open", "/sys/devices/system/cpu/possible");
  return static_cast<size_t>(std::strtoul(last.c_str(), nullptr, 10)) + 1;
}

bpf_map_info info_of(int fd) {
  bpf_map_info info = {};
  bpf_attr attr = zeroed();
  attr.info.bpf_fd = static_cast<uint32_t>(fd);
  attr.info.info_len = sizeof info;
  attr.info.info = address_of(&info);
  check(bpf(BPF_OBJ_GET_INFO_BY_FD, attr), "bpf(BPF_OBJ_GET_INFO_BY_FD)", fd_subject(fd));
  return info;
}

bool is_per_cpu(uint32_t type) {
  return type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_PERCPU_HASH ||
         type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

// The kernel copies as many octets as the map has, whatever the caller's buffer holds.
MapShape require_key(int fd, std::span<const uint8_t> key) {
  const MapShape shape = bpf_map_shape(fd);
  if (key.size() != shape.key_octets) {
    fail(EINVAL, "bpf", fd_subject(fd),
         "key of " + std::to_string(key.size()) + " octets, the map has " +
             std::to_string(shape.key_octets));
  }
  return shape;
}

void require_value(int fd, const MapShape& shape, size_t value_octets) {
  if (value_octets != shape.value_octets) {
    fail(EINVAL, "bpf", fd_subject(fd),
         "value of " + std::to_string(value_octets) + " octets, the map has " +
             std::to_string(shape.value_octets));
  }
}

}  // namespace

Fd bpf_map_create(const MapSpec& spec) {
  bpf_attr attr = zeroed();
  attr.map_type = spec.type;
  attr.key_size = spec.key_octets;
  attr.value_size = spec.value_octets;
  attr.max_entries = spec.max_entries;
  attr.map_flags = spec.flags;
  copy_name(attr.map_name, spec.name);
  return Fd(check(bpf(BPF_MAP_CREATE, attr), "bpf(BPF_MAP_CREATE)", spec.name));
}

MapShape bpf_map_shape(int fd) {
  const bpf_map_info info = info_of(fd);
  const size_t slot_octets = (size_t{info.value_size} + 7) / 8 * 8;
  return {info.key_size, is_per_cpu(info.type) ? slot_octets * possible_cpus() : info.value_size,
          info.max_entries};
}

std::optional<std::vector<uint8_t>> bpf_map_lookup(int fd, std::span<const uint8_t> key,
                                                   size_t value_octets) {
  require_value(fd, require_key(fd, key), value_octets);
  std::vector<uint8_t> value(value_octets);
  bpf_attr attr = zeroed();
  attr.map_fd = static_cast<uint32_t>(fd);
  attr.key = address_of(key.data());
  attr.value = address_of(value.data());
  if (bpf(BPF_MAP_LOOKUP_ELEM, attr) == 0) return value;
  if (errno == ENOENT) return std::nullopt;
  fail(errno, "bpf(BPF_MAP_LOOKUP_ELEM)", fd_subject(fd));
}

void bpf_map_update(int fd, std::span<const uint8_t> key, std::span<const uint8_t> value,
                    uint64_t flags) {
  require_value(fd, require_key(fd, key), value.size());
  bpf_attr attr = zeroed();
  attr.map_fd = static_cast<uint32_t>(fd);
  attr.key = address_of(key.data());
  attr.value = address_of(value.data());
  attr.flags = flags;
  check(bpf(BPF_MAP_UPDATE_ELEM, attr), "bpf(BPF_MAP_UPDATE_ELEM)", fd_subject(fd));
}

bool bpf_map_delete(int fd, std::span<const uint8_t> key) {
  require_key(fd, key);
  bpf_attr attr = zeroed();
  attr.map_fd = static_cast<uint32_t>(fd);
  attr.key = address_of(key.data());
  if (bpf(BPF_MAP_DELETE_ELEM, attr) == 0) return true;
  if (errno == ENOENT) return false;
  fail(errno, "bpf(BPF_MAP_DELETE_ELEM)", fd_subject(fd));
}

bool bpf_map_read(int fd, std::span<const uint8_t> key, std::span<uint8_t> value) noexcept {
  bpf_attr attr = zeroed();
  attr.map_fd = static_cast<uint32_t>(fd);
  attr.key = address_of(key.data());
  attr.value = address_of(value.data());
  return bpf(BPF_MAP_LOOKUP_ELEM, attr) == 0;
}

bool bpf_map_write(int fd, std::span<const uint8_t> key, std::span<const uint8_t> value) noexcept {
  bpf_attr attr = zeroed();
  attr.map_fd = static_cast<uint32_t>(fd);
  attr.key = address_of(key.data());
  attr.value = address_of(value.data());
  attr.flags = BPF_ANY;
  return bpf(BPF_MAP_UPDATE_ELEM, attr) == 0;
}

bool bpf_map_forget(int fd, std::span<const uint8_t> key) noexcept {
  bpf_attr attr = zeroed();
  attr.map_fd = static_cast<uint32_t>(fd);
  attr.key = address_of(key.data());
  return bpf(BPF_MAP_DELETE_ELEM, attr) == 0;
}

// Bounded by max_entries: GET_NEXT_KEY starts over when the key it stands on is deleted meanwhile.
std::vector<std::vector<uint8_t>> bpf_map_keys(int fd, size_t key_octets) {
  std::vector<uint8_t> key(key_octets);
  const MapShape shape = require_key(fd, key);
  std::vector<std::vector<uint8_t>> keys;
  while (keys.size() < shape.max_entries) {
    bpf_attr attr = zeroed();
    attr.map_fd = static_cast<uint32_t>(fd);
    attr.key = keys.empty() ? 0 : address_of(keys.back().data());
    attr.next_key = address_of(key.data());
    if (bpf(BPF_MAP_GET_NEXT_KEY, attr) < 0) {
      if (errno == ENOENT) break;
      fail(errno, "bpf(BPF_MAP_GET_NEXT_KEY)", fd_subject(fd));
    }
    keys.push_back(key);
  }
  return keys;
}

// ENOENT says that the map ends before the room does. Hash maps need room for their fullest bucket
// (ENOSPC), which max_entries always is.
MapEntries bpf_map_entries(int fd) {
  const MapShape shape = bpf_map_shape(fd);
  MapEntries entries;
  entries.keys.resize(size_t{shape.max_entries} * shape.key_octets);
  entries.values.resize(size_t{shape.max_entries} * shape.value_octets);
  uint64_t position = 0;
  bpf_attr attr = zeroed();
  attr.batch.out_batch = address_of(&position);
  attr.batch.keys = address_of(entries.keys.data());
  attr.batch.values = address_of(entries.values.data());
  attr.batch.count = shape.max_entries;
  attr.batch.map_fd = static_cast<uint32_t>(fd);
  if (bpf(BPF_MAP_LOOKUP_BATCH, attr) < 0 && errno != ENOENT) {
    fail(errno, "bpf(BPF_MAP_LOOKUP_BATCH)", fd_subject(fd));
  }
  entries.keys.resize(size_t{attr.batch.count} * shape.key_octets);
  entries.values.resize(size_t{attr.batch.count} * shape.value_octets);
  return entries;
}

Fd bpf_prog_load(const std::string& name, std::span<const uint8_t> instructions,
                 const std::string& license) {
  bpf_attr attr = zeroed();
  attr.prog_type = BPF_PROG_TYPE_SCHED_CLS;
  attr.insns = address_of(instructions.data());
  attr.insn_cnt = static_cast<uint32_t>(instructions.size() / kInstructionOctets);
  attr.license = address_of(license.c_str());
  copy_name(attr.prog_name, name);
  if (instructions.size() % kInstructionOctets != 0) fail(EINVAL, "bpf(BPF_PROG_LOAD)", name);
  int fd = -1;
  // The verifier gives up with EAGAIN when a signal is pending, and begins anew when asked again.
  for (int attempt = 0; attempt < kLoadAttempts; attempt++) {
    fd = bpf(BPF_PROG_LOAD, attr);
    if (fd >= 0 || errno != EAGAIN) break;
  }
  if (fd >= 0) return Fd(fd);

  // Once more for the log: asked for at once, it would slow each good load down.
  const int error = errno;
  std::vector<char> log(kVerifierLogOctets);
  attr.log_level = 1;
  attr.log_size = static_cast<uint32_t>(log.size());
  attr.log_buf = address_of(log.data());
  const Fd second(bpf(BPF_PROG_LOAD, attr));
  const std::string text(log.data());  // the reason is at its end
  fail(error, "bpf(BPF_PROG_LOAD)", name,
       text.substr(text.size() - std::min(text.size(), kErrorLogOctets)));
}

void bpf_pin(int fd, const std::string& path) {
  bpf_attr attr = zeroed();
  attr.pathname = address_of(path.c_str());
  attr.bpf_fd = static_cast<uint32_t>(fd);
  check(bpf(BPF_OBJ_PIN, attr), "bpf(BPF_OBJ_PIN)", path);
}

std::optional<Fd> bpf_get(const std::string& path) {
  bpf_attr attr = zeroed();
  attr.pathname = address_of(path.c_str());
  const int fd = bpf(BPF_OBJ_GET, attr);
  if (fd >= 0) return Fd(fd);
  if (errno == ENOENT) return std::nullopt;
  fail(errno, "bpf(BPF_OBJ_GET)", path);
}

// struct bpf_map_info and struct bpf_prog_info begin alike: type, id.
uint32_t bpf_object_id(int fd) { return info_of(fd).id; }

}  // namespace vethwall::os
