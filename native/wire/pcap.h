// Reads a classic capture file (draft-ietf-opsawg-pcap, pcap-savefile(5)) that lies in memory, as
// Ethernet frames: raw IP and Linux cooked packets get an Ethernet header. A capture carries no
// checksum state: frames captured on their sender have partial checksums that look wrong.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "wire/packet.h"
#include "wire/reader.h"

namespace vethwall::wire {

struct PcapRecord {
  uint64_t time_ns;          // since 1970
  uint32_t original_octets;  // on the wire, before the capture's snap length cut it
  bool is_cut;
  Frame frame;  // valid until the next record is read
};

class PcapReader {
 public:
  // Nothing, with the reason in `error`, where `file` is no capture that can be read.
  static std::optional<PcapReader> open(std::span<const uint8_t> file, std::string& error);

  enum class Next : uint8_t { kRecord, kEnd, kTruncated };
  // kTruncated: the file ends within a record, at octet at(); what came before it was whole.
  Next next(PcapRecord& out);
  size_t at() const { return file_.at(); }

 private:
  enum class LinkType : uint16_t {
    kEthernet = 1,
    kRaw = 101,
    kLinuxSll = 113,
    kLinuxSll2 = 276,
  };
  explicit PcapReader(Reader file) : file_(file) {}
  uint32_t host_order(uint32_t be) const { return is_little_ ? __builtin_bswap32(be) : be; }
  Frame as_ethernet(std::span<const uint8_t> packet);
  // An Ethernet header before the rest of `packet`.
  Frame framed(Reader packet, const std::array<uint8_t, 6>& source, bool is_broadcast,
               uint16_t ethertype);

  Reader file_;
  bool is_little_ = false;
  uint32_t ns_per_fraction_ = 1000;
  LinkType link_type_ = LinkType::kEthernet;
  std::vector<uint8_t> made_;
};

}  // namespace vethwall::wire
