#include "differential/tunnel.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/ipv6.h>
#include <net/route.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "os/fault.h"

namespace vethwall::differential {
namespace {

constexpr const char* kDevice = "tun0";
constexpr size_t kMaxPacket = 65536;

ifreq request() {
  ifreq out = {};
  std::strncpy(out.ifr_name, kDevice, sizeof out.ifr_name - 1);
  return out;
}

void write_file(const std::string& path, const std::string& text) {
  const os::Fd file(os::check(::open(path.c_str(), O_WRONLY | O_CLOEXEC), "open", path));
  os::check(::write(file.get(), text.data(), text.size()), "write", path);
}

// Fast Open without cookies on every listener; no limit to what a host says of itself.
void set_parameters() {
  const std::string ipv4 = "/proc/sys/net/ipv4/", ipv6 = "/proc/sys/net/ipv6/";
  write_file(ipv4 + "tcp_fastopen", std::to_string(0x1 | 0x2 | 0x200 | 0x400));
  write_file(ipv4 + "tcp_challenge_ack_limit", "2147483647");
  write_file(ipv4 + "tcp_invalid_ratelimit", "0");
  write_file(ipv4 + "tcp_syncookies", "0");
  write_file(ipv4 + "tcp_max_syn_backlog", "65536");
  write_file(ipv4 + "tcp_fin_timeout", "2");
  // Longer than an emulated machine takes for the fragments of a case.
  write_file(ipv4 + "ipfrag_time", "10");
  write_file(ipv6 + "ip6frag_time", "10");
  // Room for all that come in that time and never are whole.
  write_file(ipv4 + "ipfrag_high_thresh", "1073741824");
  write_file(ipv6 + "ip6frag_high_thresh", "1073741824");
  write_file(ipv6 + "conf/all/accept_dad", "0");
  write_file(ipv6 + "conf/default/accept_dad", "0");
  write_file(ipv6 + "conf/default/router_solicitations", "0");
}

void set_ipv4(int socket) {
  for (const auto& [call, address] :
       {std::pair{SIOCSIFADDR, "10.1.0.2"}, std::pair{SIOCSIFNETMASK, "255.0.0.0"}}) {
    ifreq of = request();
    sockaddr_in in = {};
    in.sin_family = AF_INET;
    inet_pton(AF_INET, address, &in.sin_addr);
    std::memcpy(&of.ifr_addr, &in, sizeof in);
    os::check(::ioctl(socket, static_cast<unsigned long>(call), &of), "ioctl", address);
  }
}

void set_ipv6(int index) {
  const os::Fd socket(os::check(::socket(AF_INET6, SOCK_DGRAM, 0), "socket", "IPv6"));
  in6_ifreq of = {};
  inet_pton(AF_INET6, "fd00::2", &of.ifr6_addr);
  of.ifr6_prefixlen = 64;
  of.ifr6_ifindex = index;
  os::check(::ioctl(socket.get(), SIOCSIFADDR, &of), "ioctl", "fd00::2");
  // A worker of the kernel takes it from tentative to usable.
  sockaddr_in6 own = {};
  own.sin6_family = AF_INET6;
  own.sin6_addr = of.ifr6_addr;
  while (::bind(socket.get(), reinterpret_cast<sockaddr*>(&own), sizeof own) < 0)
    if (errno != EADDRNOTAVAIL) os::fail(errno, "bind", "fd00::2");
}

void bring_up(int socket) {
  ifreq of = request();
  os::check(::ioctl(socket, SIOCGIFFLAGS, &of), "ioctl", kDevice);
  of.ifr_flags = static_cast<short>(of.ifr_flags | IFF_UP | IFF_RUNNING);
  os::check(::ioctl(socket, SIOCSIFFLAGS, &of), "ioctl", kDevice);
}

}  // namespace

Tunnel::Tunnel() {
  os::check(::unshare(CLONE_NEWNET), "unshare", "network namespace");
  tun_ = os::Fd(
      os::check(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), "open", "/dev/net/tun"));
  ifreq of = request();
  of.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
  os::check(::ioctl(tun_.get(), TUNSETIFF, &of), "TUNSETIFF", kDevice);
  os::check(::ioctl(tun_.get(), TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6),
            "TUNSETOFFLOAD", kDevice);
  set_parameters();
  const os::Fd socket(os::check(::socket(AF_INET, SOCK_DGRAM, 0), "socket", "IPv4"));
  bring_up(socket.get());
  set_ipv4(socket.get());
  of = request();
  os::check(::ioctl(socket.get(), SIOCGIFINDEX, &of), "ioctl", kDevice);
  set_ipv6(of.ifr_ifindex);
}

void Tunnel::write(const wire::VnetHeader& vnet, std::span<const uint8_t> packet) {
  std::array<iovec, 2> parts = {iovec{const_cast<wire::VnetHeader*>(&vnet), sizeof vnet},
                                iovec{const_cast<uint8_t*>(packet.data()), packet.size()}};
  // The kernel refuses what is no packet (EINVAL): so would a device.
  const ssize_t written = ::writev(tun_.get(), parts.data(), parts.size());
  if (written < 0 && errno != EINVAL) os::fail(errno, "writev", kDevice);
}

bool Tunnel::read(wire::VnetHeader& vnet, std::string& packet) {
  packet.resize(kMaxPacket);
  std::array<iovec, 2> parts = {iovec{&vnet, sizeof vnet}, iovec{packet.data(), packet.size()}};
  const ssize_t got = ::readv(tun_.get(), parts.data(), parts.size());
  if (got < 0 && errno == EAGAIN) return false;
  os::check(got, "readv", kDevice);
  packet.resize(static_cast<size_t>(got) - sizeof vnet);
  return true;
}

}  // namespace vethwall::differential
