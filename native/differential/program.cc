#include "differential/program.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <utility>

#include "os/fault.h"

namespace vethwall::differential {
namespace {

constexpr int kBacklog = 4096;

struct SocketAddress {
  sockaddr_storage storage = {};
  socklen_t octets = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// `address` in network order; empty: any.
SocketAddress socket_address(uint8_t family, const std::string& address, uint16_t port) {
  SocketAddress out;
  if (family == 4) {
    sockaddr_in in = {};
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    std::memcpy(&in.sin_addr, address.data(), address.size());
    std::memcpy(&out.storage, &in, sizeof in);
    out.octets = sizeof in;
  } else {
    sockaddr_in6 in = {};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(port);
    std::memcpy(&in.sin6_addr, address.data(), address.size());
    std::memcpy(&out.storage, &in, sizeof in);
    out.octets = sizeof in;
  }
  return out;
}

void set_option(int socket, int level, int name, int value) {
  os::check(::setsockopt(socket, level, name, &value, sizeof value), "setsockopt", "TCP");
}

os::Fd tcp_socket(uint8_t family) {
  const int domain = family == 4 ? AF_INET : AF_INET6;
  os::Fd out(
      os::check(::socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket", "TCP"));
  set_option(out.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (family == 6) set_option(out.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  return out;
}

}  // namespace

char written_at(uint64_t at) { return static_cast<char>('A' + at * 11 % 26); }

os::Fd listen_on(uint8_t family, uint16_t port) {
  os::Fd out = tcp_socket(family);
  const SocketAddress own = socket_address(family, {}, port);
  os::check(::bind(out.get(), own.get(), own.octets), "bind", "listener");
  os::check(::listen(out.get(), kBacklog), "listen", "listener");
  return out;
}

Program::~Program() {
  close(true);
  for (int left = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK); left >= 0;
       left = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK))
    ::close(left);
}

void Program::connect(uint8_t family, const std::string& peer, uint16_t peer_port,
                      uint16_t own_port) {
  Connection connection;
  connection.socket = tcp_socket(family);
  const int socket = connection.socket.get();
  if (takes_urgent_) set_option(socket, SOL_SOCKET, SO_OOBINLINE, 1);
  const SocketAddress own = socket_address(family, {}, own_port);
  const SocketAddress to = socket_address(family, peer, peer_port);
  if (::bind(socket, own.get(), own.octets) < 0) return;  // its last connection is in TIME-WAIT
  if (::connect(socket, to.get(), to.octets) < 0 && errno != EINPROGRESS) return;
  connections_.push_back(std::move(connection));
}

void Program::accept() {
  for (;;) {
    const int got = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (got < 0) return;
    Connection connection;
    connection.socket = os::Fd(got);
    if (takes_urgent_) set_option(got, SOL_SOCKET, SO_OOBINLINE, 1);
    connections_.push_back(std::move(connection));
  }
}

bool Program::read_from(Connection& connection) {
  bool has_read = false;
  std::array<char, 65536> buffer;
  while (connection.socket && !connection.has_ended && connection.error == 0) {
    const ssize_t got = ::recv(connection.socket.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == ENOTCONN)) return has_read;
    has_read = true;
    if (got < 0) connection.error = errno;
    if (got == 0) connection.has_ended = true;
    if (got > 0) connection.received.append(buffer.data(), static_cast<size_t>(got));
  }
  return has_read;
}

bool Program::read() {
  accept();
  bool has_read = false;
  if (is_paused_) return false;
  for (Connection& connection : connections_) has_read = read_from(connection) || has_read;
  return has_read;
}

void Program::acknowledge() {
  for (const Connection& connection : connections_)
    if (connection.socket && connection.error == 0)
      set_option(connection.socket.get(), IPPROTO_TCP, TCP_QUICKACK, 1);
}

void Program::write(uint32_t octets) {
  if (connections_.empty()) return;
  Connection& connection = connections_.back();
  if (!connection.socket) return;
  std::string text(octets, '?');
  for (uint32_t i = 0; i < octets; ++i) text[i] = written_at(connection.written + i);
  const ssize_t sent = ::send(connection.socket.get(), text.data(), text.size(), MSG_NOSIGNAL);
  if (sent > 0) connection.written += static_cast<uint64_t>(sent);
  // A reset is told once only, and be it here.
  const bool is_own = errno == EPIPE && connection.is_shut;
  if (sent < 0 && errno != EAGAIN && !is_own) connection.error = errno;
}

void Program::shut_down() {
  if (connections_.empty() || !connections_.back().socket) return;
  ::shutdown(connections_.back().socket.get(), SHUT_WR);
  connections_.back().is_shut = true;
}

void Program::close(bool resets) {
  for (Connection& connection : connections_) {
    if (!connection.socket) continue;
    const linger at_once = {1, 0};
    if (resets)
      ::setsockopt(connection.socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    connection.socket = os::Fd();
  }
}

}  // namespace vethwall::differential
