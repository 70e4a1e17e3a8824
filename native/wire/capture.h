// A capture file that lies in memory, pcap or pcapng, as Ethernet frames. A capture carries no
// checksum state: frames captured on their sender have partial checksums that look wrong.
#pragma once
#include <optional>
#include <variant>

#include "wire/pcap.h"
#include "wire/pcapng.h"

namespace vethwall::wire {

class CaptureReader {
 public:
  // Nothing, with the reason in `error`, where `file` is no capture that can be read.
  static std::optional<CaptureReader> open(std::span<const uint8_t> file, std::string& error) {
    if (PcapngReader::is_pcapng(file)) return made(PcapngReader::open(file, error));
    return made(PcapReader::open(file, error));
  }
  CaptureNext next(CaptureRecord& out) {
    return std::visit([&](auto& reader) { return reader.next(out); }, reader_);
  }
  // Of the first record not read, or of the one that is truncated.
  size_t at() const {
    return std::visit([](const auto& reader) { return reader.at(); }, reader_);
  }

 private:
  template <typename Opened>
  explicit CaptureReader(Opened&& reader) : reader_(std::forward<Opened>(reader)) {}
  template <typename Opened>
  static std::optional<CaptureReader> made(std::optional<Opened> reader) {
    if (!reader) return std::nullopt;
    return CaptureReader(std::move(*reader));
  }

  std::variant<PcapReader, PcapngReader> reader_;
};

}  // namespace vethwall::wire
