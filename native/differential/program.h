// The kernel's end: the program whose sockets receive. One socket is one connection.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "os/fd.h"

namespace vethwall::differential {

struct Connection {
  os::Fd socket;
  std::string received;
  bool has_ended = false;  // end of stream, not by a reset
  int error = 0;
  uint64_t written = 0;
  bool is_shut = false;  // for writing, by the program
  bool is_open() const { return socket && error == 0 && !has_ended; }
};

class Program {
 public:
  // In tap cases nobody clears urgent octets: the program takes them in line.
  Program(int listener, bool takes_urgent) : listener_(listener), takes_urgent_(takes_urgent) {}
  ~Program();
  void connect(uint8_t family, const std::string& peer, uint16_t peer_port, uint16_t own_port);
  // Takes all that the kernel has for it; true where there was something.
  bool read();
  void pause(bool paused) { is_paused_ = paused; }
  // What the kernel would have acknowledged 40 ms later at the latest.
  void acknowledge();
  void write(uint32_t octets);
  void shut_down();
  void close(bool resets);
  const std::vector<Connection>& connections() const { return connections_; }

 private:
  void accept();
  bool read_from(Connection& connection);
  int listener_;
  bool takes_urgent_;
  bool is_paused_ = false;
  std::vector<Connection> connections_;
};

// What the program sends.
char written_at(uint64_t at);

os::Fd listen_on(uint8_t family, uint16_t port);

}  // namespace vethwall::differential
