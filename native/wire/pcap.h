// A pcap file (draft-ietf-opsawg-pcap), all in memory: frames in file order, as Ethernet frames.
// Both byte orders, micro- and nanoseconds.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "wire/packet.h"

namespace vethwall::wire {

struct CapturedFrame {
  uint64_t time_ns = 0;  // since 1970
  Frame frame;           // valid until the next call; may be cut by the capture's snap length
};

class PcapReader {
 public:
  // Null with the reason in `error`. `file` stays the caller's and outlives the reader.
  static std::unique_ptr<PcapReader> open(std::span<const uint8_t> file, std::string& error);
  // False at the end, which is also where a record passes the end of the file.
  bool next(CapturedFrame& out);

 private:
  PcapReader() = default;
  uint32_t u32(size_t offset) const;
  Frame as_ethernet(std::span<const uint8_t> packet);

  std::span<const uint8_t> file_;
  size_t offset_ = 0;
  bool swapped_ = false;
  uint32_t fraction_ns_ = 0;
  uint32_t link_type_ = 0;
  std::vector<uint8_t> ethernet_;  // of a packet that was captured without
};

}  // namespace vethwall::wire
