#include "shard/flow_map.h"

#include <cerrno>
#include <cstring>

#include "bpf/vethwall.bpf.h"
#include "os/bpf.h"
#include "os/fault.h"

namespace vethwall::shard {
namespace {

static_assert(sizeof(flow_key) == 40);
static_assert(sizeof(::flow) == 88);

template <typename T>
std::span<const uint8_t> octets_of(const T& value) {
  return {reinterpret_cast<const uint8_t*>(&value), sizeof value};
}

flow_key key_of(const engine::CarriedFlow& carried) {
  flow_key key = {};
  std::memcpy(key.pod, carried.pod.octets.data(), sizeof key.pod);
  std::memcpy(key.peer, carried.peer.octets.data(), sizeof key.peer);
  key.pod_port = __builtin_bswap16(carried.pod_port);
  key.peer_port = __builtin_bswap16(carried.peer_port);
  key.endpoint = carried.endpoint;
  key.family = carried.pod.family;
  key.protocol = carried.protocol;
  return key;
}

}  // namespace

FlowMap::FlowMap(int fd) : fd_(fd) {
  const os::MapShape shape = os::bpf_map_shape(fd);
  if (shape.key_octets != sizeof(flow_key) || shape.value_octets != sizeof(::flow))
    os::fail(EINVAL, "bpf", "flow map",
             "keys of " + std::to_string(shape.key_octets) + ", values of " +
                 std::to_string(shape.value_octets) + " octets");
}

bool FlowMap::carry(const engine::CarriedFlow& flow, uint32_t epoch,
                    const std::array<engine::PassRange, 2>& ranges) {
  ::flow entry = {};
  entry.epoch = epoch;
  entry.is_limited = 1;
  for (size_t i = 0; i < ranges.size(); ++i) {
    entry.state[i] = FLOW_PENDING;
    entry.pass_from[i] = ranges[i].from;
    entry.pass_to[i] = ranges[i].to;
  }
  const flow_key key = key_of(flow);
  return os::bpf_map_write(fd_, octets_of(key), octets_of(entry));
}

engine::CarriedCounts FlowMap::read(const engine::CarriedFlow& flow) {
  ::flow entry = {};
  const flow_key key = key_of(flow);
  os::bpf_map_read(fd_, octets_of(key), {reinterpret_cast<uint8_t*>(&entry), sizeof entry});
  return {{entry.packets[0], entry.packets[1]}, {entry.octets[0], entry.octets[1]}};
}

void FlowMap::forget(const engine::CarriedFlow& flow) {
  const flow_key key = key_of(flow);
  os::bpf_map_forget(fd_, octets_of(key));
}

}  // namespace vethwall::shard
