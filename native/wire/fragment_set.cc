#include "wire/fragment_set.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "wire/checksum.h"
#include "wire/decode_stages.h"
#include "wire/reader.h"
#include "wire/writer.h"

namespace vethwall::wire {
namespace {

constexpr uint32_t kMaxStatedLength = 65535;  // IPv4 total length, IPv6 payload length

bool mend_ipv4(std::span<uint8_t> frame, uint16_t l3, uint32_t header_end) {
  const size_t total = frame.size() - l3;
  if (total > kMaxStatedLength) return false;
  const std::span<uint8_t> header = frame.subspan(l3, header_end - l3);
  store_be16(header, 2, static_cast<unsigned>(total));
  store_be16(header, 6, load_be16(header.subspan(6, 2).data()) & kIpv4DontFragment);
  store_be16(header, 10, 0);
  store_be16(header, 10, static_cast<uint16_t>(~ones_sum(header)));
  return true;
}

bool has_fragment_header(Reader reader, uint8_t next_header) {
  for (int count = 0; is_ipv6_extension(next_header) && count < kMaxExtensions; ++count) {
    if (next_header == kNextFragment) return true;
    if (!skip_ipv6_extension(reader, next_header, next_header)) return false;
  }
  return false;
}

// RFC 8200 §4.5: the last header of the Per-Fragment part names what the fragment header named.
bool mend_ipv6(std::span<uint8_t> frame, uint16_t l3, uint32_t header_end, uint8_t next_header) {
  const size_t payload = frame.size() - l3 - kIpv6Octets;
  if (payload > kMaxStatedLength) return false;
  store_be16(frame, size_t{l3} + 4, static_cast<unsigned>(payload));
  size_t names_next_at = size_t{l3} + 6;
  uint8_t kind = frame[names_next_at];
  Reader reader(frame);
  if (!reader.skip(l3 + kIpv6Octets)) return false;
  while (reader.at() < header_end) {
    names_next_at = reader.at();
    if (!skip_ipv6_extension(reader, kind, kind)) return false;
  }
  frame[names_next_at] = next_header;
  return !has_fragment_header(reader, next_header);
}

}  // namespace

std::span<const uint8_t> FragmentSet::octets_of(uint32_t from, const Piece& piece) const {
  return Reader(frames_[piece.frame].frame).part(piece.data_at, piece.end - from);
}

bool FragmentSet::contradicts_end(uint32_t end, bool is_last) const {
  if (total_ != 0) return is_last ? end != total_ : end > total_;
  return is_last && !pieces_.empty() && std::prev(pieces_.end())->second.end > end;
}

bool FragmentSet::overlaps(uint32_t from, uint32_t end) const {
  const auto next = pieces_.lower_bound(from);
  if (next != pieces_.end() && next->first < end) return true;
  return next != pieces_.begin() && std::prev(next)->second.end > from;
}

bool FragmentSet::is_within_run(uint32_t from, uint32_t end) const {
  auto piece = pieces_.upper_bound(from);
  if (piece == pieces_.begin()) return false;
  const uint32_t run = std::prev(piece)->second.run;
  uint32_t run_end = std::prev(piece)->second.end;
  for (; piece != pieces_.end() && piece->second.run == run; ++piece) run_end = piece->second.end;
  return end <= run_end;
}

bool FragmentSet::repeats(uint32_t from, uint32_t end, std::span<const uint8_t> octets) const {
  const auto same = pieces_.find(from);
  return same != pieces_.end() && same->second.end == end &&
         std::ranges::equal(octets_of(from, same->second), octets);
}

FragmentSet::Added FragmentSet::add(const VnetHeader& vnet, Frame frame, const Packet& packet,
                                    Ticket& ticket, Overlaps allowed, std::span<HeldFrame> outer) {
  const uint32_t from = packet.fragment_offset_octets;
  const uint32_t end = from + packet.payload_octets;
  if (contradicts_end(end, !packet.more_fragments)) return Added::kInconsistent;
  const std::span<const uint8_t> octets =
      Reader(frame).part(packet.payload_offset, packet.payload_octets);
  const bool is_repeated =
      allowed == Overlaps::kAsLinux ? is_within_run(from, end) : repeats(from, end, octets);
  if (is_repeated) return Added::kDuplicate;
  if (overlaps(from, end)) return Added::kOverlap;
  const bool extends = !pieces_.empty() && std::prev(pieces_.end())->second.end == from;
  const uint32_t run = extends ? std::prev(pieces_.end())->second.run : from;
  if (!packet.more_fragments) total_ = end;
  if (from == 0) {
    const uint32_t head = packet.family == 4 ? packet.l4_offset : packet.fragment_header_offset;
    head_ = {frames_.size(), packet.family, packet.l3_offset, head, packet.protocol};
  }
  pieces_.emplace(from, Piece{end, packet.payload_offset, frames_.size(), run});
  frames_.push_back({vnet, {frame.begin(), frame.end()}, std::move(ticket)});
  frames_.back().outer.assign(std::make_move_iterator(outer.begin()),
                              std::make_move_iterator(outer.end()));
  received_ += packet.payload_octets;
  return received_ == total_ ? Added::kComplete : Added::kHeld;
}

bool FragmentSet::construct(std::vector<uint8_t>& frame) const {
  frame.clear();
  frame.reserve(head_.octets + size_t{total_});
  append(frame, Reader(frames_[head_.frame].frame).part(0, head_.octets));
  for (const auto& [from, piece] : pieces_) append(frame, octets_of(from, piece));
  return head_.family == 4 ? mend_ipv4(frame, head_.l3_offset, head_.octets)
                           : mend_ipv6(frame, head_.l3_offset, head_.octets, head_.next_header);
}

std::vector<HeldFrame> FragmentSet::release() {
  pieces_.clear();
  std::vector<HeldFrame> all;
  for (HeldFrame& held : frames_) {
    std::vector<HeldFrame> outer = std::move(held.outer);
    if (outer.empty()) all.push_back(std::move(held));
    std::ranges::move(outer, std::back_inserter(all));
  }
  frames_.clear();
  return all;
}

}  // namespace vethwall::wire
