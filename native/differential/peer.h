// The scripted end: makes IP packets of steps, byte by byte, and remembers of the kernel's segments
// what it must to answer them.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "differential/case.h"
#include "wire/packet.h"

namespace vethwall::differential {

struct Ends {
  uint8_t family;
  std::string kernel;  // addresses in network order
  std::string peer;
  uint16_t kernel_port;
  uint16_t peer_port;
};

// The peer's octets: what it says of offset `at`, truly (0) or otherwise.
char octet_at(int64_t at, uint32_t fill);

class Peer {
 public:
  Peer(const Ends& ends, uint32_t sequence) : ends_(ends), isn_(sequence) {}
  void renumber(uint32_t by) { isn_ += by; }
  // In the order of sending; `text` instead of the octets that the step asks for.
  std::vector<std::string> packets(const Step& step, const std::string& text = {});
  void take(const wire::Packet& packet, wire::Frame frame);
  // Where the steps' numbers have the first octet of the connection that the kernel answered last.
  int64_t origin() const { return answered_ ? static_cast<int32_t>(*answered_ - (isn_ + 1)) : 0; }
  // What the kernel sent, by offset in its stream, is learnt from its SYN on.
  uint32_t kernel_base() const { return kernel_base_; }
  bool knows_kernel() const { return knows_kernel_; }

 private:
  std::string segment(const Step& step, const std::string& text);
  std::string options(const Step& step);
  std::vector<std::string> carried(const Step& step, const std::string& segment);
  std::vector<std::string> fragments(const Step& step, const std::string& segment);
  std::string fragment(uint32_t from, std::string piece, bool more) const;
  std::string ip(uint8_t protocol, const std::string& body, uint16_t field = 0) const;

  struct Syn {
    uint32_t base;
    size_t octets;
  };

  Ends ends_;
  uint32_t isn_;
  std::vector<Syn> syns_;
  std::optional<uint32_t> answered_;  // the base of one of them
  uint32_t kernel_base_ = 0;
  uint32_t kernel_next_ = 0;
  bool knows_kernel_ = false;
  uint32_t clock_ = 1000;         // of the timestamps
  uint32_t kernel_clock_ = 0;     // the newest that the kernel told
  uint32_t identification_ = 77;  // of the next datagram
};

}  // namespace vethwall::differential
