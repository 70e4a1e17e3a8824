#include "os/heartbeat.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/bpf.h"
#include "os/fault.h"
#include "os/fd.h"
#include "os/mount.h"

namespace vethwall::os {
namespace {

constexpr size_t kSlotOctets = sizeof(std::atomic<uint64_t>);
static_assert(kSlotOctets == 8);

void require_slot(int map_fd, uint32_t slot) {
  const MapShape shape = bpf_map_shape(map_fd);
  if (shape.value_octets != kSlotOctets || slot >= shape.max_entries) {
    fail(EINVAL, "mmap", "heartbeat map",
         "slot " + std::to_string(slot) + " of " + std::to_string(shape.max_entries) +
             ", values of " + std::to_string(shape.value_octets) + " octets");
  }
}

Fd open_file(const std::string& path, uint32_t slot) {
  make_parent_directories(path);
  Fd file(
      check(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640), "open", path));
  struct stat status = {};
  check(::fstat(file.get(), &status), "fstat", path);
  const off_t needed = static_cast<off_t>((size_t{slot} + 1) * kSlotOctets);
  if (status.st_size < needed) check(::ftruncate(file.get(), needed), "ftruncate", path);
  return file;
}

}  // namespace

Heartbeat::Heartbeat(int map_fd, const std::string& path, uint32_t slot) {
  if (map_fd >= 0) {
    require_slot(map_fd, slot);
    map_ = map(map_fd, slot, "heartbeat map");
  }
  if (!path.empty()) file_ = map(open_file(path, slot).get(), slot, path);
}

Heartbeat::~Heartbeat() {
  stamp(0);
  for (const Mapping& mapping : {map_, file_}) {
    if (mapping.memory != nullptr) ::munmap(mapping.memory, mapping.octets);
  }
}

void Heartbeat::stamp(uint64_t now_ns) {
  if (map_.slot != nullptr) map_.slot->store(now_ns, std::memory_order_release);
  if (file_.slot != nullptr) file_.slot->store(now_ns, std::memory_order_release);
}

Heartbeat::Mapping Heartbeat::map(int fd, uint32_t slot, const std::string& subject) {
  const size_t octets = (size_t{slot} + 1) * kSlotOctets;
  void* memory = ::mmap(nullptr, octets, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) fail(errno, "mmap", subject);
  return {memory, octets, static_cast<std::atomic<uint64_t>*>(memory) + slot};
}

}  // namespace vethwall::os
