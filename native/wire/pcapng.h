// Reads a pcapng file (draft-ietf-opsawg-pcapng) that lies in memory: sections of either byte
// order, each with interfaces of their own link types and clocks. Blocks other than packets' are
// passed over.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "wire/capture_record.h"
#include "wire/link_frame.h"

namespace vethwall::wire {

class PcapngReader {
 public:
  // A section of no more interfaces is read: each costs memory, and machines have fewer.
  static constexpr size_t kMaxInterfaces = 4096;

  static bool is_pcapng(std::span<const uint8_t> file);
  // Nothing, with the reason in `error`, where none of its interfaces can be read.
  static std::optional<PcapngReader> open(std::span<const uint8_t> file, std::string& error);

  // kTruncated also where a block's lengths contradict: nothing behind it can be found.
  CaptureNext next(CaptureRecord& out);
  size_t at() const { return file_.at(); }

 private:
  struct Interface {
    LinkType link_type;
    uint32_t snap_octets;         // 0 = no limit
    uint8_t resolution = 6;       // if_tsresol: of 10^-n seconds, or 2^-n with the high bit
    uint64_t offset_seconds = 0;  // if_tsoffset
  };
  struct Block {
    uint32_t type;
    std::span<const uint8_t> body;
  };

  explicit PcapngReader(Reader file) : file_(file) {}
  uint32_t host_order(uint32_t be) const { return is_little_ ? __builtin_bswap32(be) : be; }
  uint16_t host_order(uint16_t be) const { return is_little_ ? __builtin_bswap16(be) : be; }
  bool next_block(Block& out);
  bool begin_section(Reader ahead);
  bool add_interface(Reader body);
  void read_options(Reader body, Interface& out) const;
  // False where the block holds no whole packet of a known interface.
  bool read_packet(const Block& block, CaptureRecord& out);
  bool read_enhanced(Reader body, CaptureRecord& out);
  bool read_simple(Reader body, CaptureRecord& out);
  bool read_obsolete(Reader body, CaptureRecord& out);
  bool set_packet(const Interface& interface, std::span<const uint8_t> packet, uint32_t original,
                  CaptureRecord& out);

  Reader file_;
  bool is_little_ = false;
  std::vector<Interface> interfaces_;
  LinkFramer framer_;
};

}  // namespace vethwall::wire
