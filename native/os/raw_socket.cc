#include "os/raw_socket.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

#include "os/fault.h"
#include "os/netns.h"

namespace vethwall::os {
namespace {

constexpr size_t kIpv4Octets = 20, kIpv4DestinationAt = 16;
constexpr size_t kIpv6Octets = 40, kIpv6DestinationAt = 24;
constexpr int kSendBufferOctets = 4 << 20;

// IPPROTO_RAW: the headers come with each packet, and nothing is ever received.
Fd open_raw(int family) {
  const int fd = ::socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
  if (fd < 0 && family == AF_INET6 && errno == EAFNOSUPPORT) return {};
  Fd out(check(fd, "socket", family == AF_INET ? "AF_INET SOCK_RAW" : "AF_INET6 SOCK_RAW"));
  ::setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &kSendBufferOctets, sizeof kSendBufferOctets);
  return out;
}

template <typename SocketAddress>
bool send_to(int fd, std::span<const uint8_t> packet, const SocketAddress& address) {
  ssize_t sent = -1;
  do {
    sent = ::sendto(fd, packet.data(), packet.size(), 0,
                    reinterpret_cast<const sockaddr*>(&address), sizeof address);
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(packet.size());
}

}  // namespace

RawSocket::RawSocket(int netns_fd) {
  run_in_netns(netns_fd, [&] {
    v4_ = open_raw(AF_INET);
    v6_ = open_raw(AF_INET6);
  });
}

bool RawSocket::send(std::span<const uint8_t> packet, uint32_t ifindex) noexcept {
  const unsigned version = packet.empty() ? 0 : packet[0] >> 4;
  if (version == 4 && packet.size() >= kIpv4Octets) {
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    std::memcpy(&to.sin_addr, packet.data() + kIpv4DestinationAt, sizeof to.sin_addr);
    return send_to(v4_.get(), packet, to);
  }
  if (version != 6 || packet.size() < kIpv6Octets || !v6_) return false;
  sockaddr_in6 to = {};
  to.sin6_family = AF_INET6;
  std::memcpy(&to.sin6_addr, packet.data() + kIpv6DestinationAt, sizeof to.sin6_addr);
  if (IN6_IS_ADDR_LINKLOCAL(&to.sin6_addr)) to.sin6_scope_id = ifindex;
  return send_to(v6_.get(), packet, to);
}

}  // namespace vethwall::os
