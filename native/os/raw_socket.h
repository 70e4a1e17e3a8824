// IP packets with their headers (raw(7), IP_HDRINCL; IPv6 likewise) sent from within a network
// namespace, by its routes. To an address of the namespace's own they go by its loopback.
#pragma once
#include <cstdint>
#include <span>

#include "os/fd.h"

namespace vethwall::os {

class RawSocket {
 public:
  explicit RawSocket(int netns_fd);
  // False where the kernel did not take it: no route, longer than the MTU, no room. `ifindex` is
  // for link-local destinations.
  bool send(std::span<const uint8_t> packet, uint32_t ifindex) noexcept;

 private:
  Fd v4_;
  Fd v6_;  // none where the kernel has no IPv6
};

}  // namespace vethwall::os
