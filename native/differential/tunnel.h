// A network namespace of this process's own with one tun device: what is written to it the kernel's
// TCP has taken, and answered, when the call returns (tun_get_user() calls netif_receive_skb()).
#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "os/fd.h"
#include "wire/packet.h"

namespace vethwall::differential {

class Tunnel {
 public:
  Tunnel();
  // IP packets; offsets of `vnet` count from the IP header.
  void write(const wire::VnetHeader& vnet, std::span<const uint8_t> packet);
  // False where there is none.
  bool read(wire::VnetHeader& vnet, std::string& packet);

 private:
  os::Fd tun_;
};

}  // namespace vethwall::differential
