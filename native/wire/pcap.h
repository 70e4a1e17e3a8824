// Reads a classic capture file (draft-ietf-opsawg-pcap, pcap-savefile(5)) that lies in memory.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "wire/capture_record.h"
#include "wire/link_frame.h"

namespace vethwall::wire {

class PcapReader {
 public:
  // Nothing, with the reason in `error`, where `file` is no capture that can be read.
  static std::optional<PcapReader> open(std::span<const uint8_t> file, std::string& error);

  CaptureNext next(CaptureRecord& out);
  size_t at() const { return file_.at(); }

 private:
  explicit PcapReader(Reader file) : file_(file) {}
  uint32_t host_order(uint32_t be) const { return is_little_ ? __builtin_bswap32(be) : be; }

  Reader file_;
  bool is_little_ = false;
  uint32_t ns_per_fraction_ = 1000;
  LinkType link_type_ = LinkType::kEthernet;
  LinkFramer framer_;
};

}  // namespace vethwall::wire
