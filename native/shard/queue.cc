#include "shard/queue.h"

#include <algorithm>
#include <utility>

#include "wire/decode_stages.h"
#include "wire/marker.h"
#include "wire/nfqueue.h"
#include "wire/segments.h"

namespace vethwall::shard {
namespace {

constexpr size_t kEthernetOctets = 14;
// Of the packet mark and the connection mark; the other bits are other people's.
constexpr uint32_t kMarkMask = 0xff000000;
constexpr unsigned kMarkShift = 24;
// Packets of one queue that wait for their verdict: for each one the kernel goes through those that
// are older (nfnetlink_queue's find_dequeue_entry()).
constexpr uint64_t kMostWaiting = 4096;

// The engine reads Ethernet: the marker stands for the pod's side, zeros for the other.
void write_ethernet(std::span<uint8_t> head, uint16_t endpoint, wire::Toward toward,
                    uint8_t family) {
  const auto marker = wire::marker_mac(wire::AddressKind::kPodMac, endpoint);
  std::ranges::fill(head, uint8_t{0});
  std::ranges::copy(marker, head.begin() + (toward == wire::Toward::kPod ? 0 : 6));
  const uint16_t type = family == 4 ? wire::kEtherIpv4 : wire::kEtherIpv6;
  head[12] = static_cast<uint8_t>(type >> 8);
  head[13] = static_cast<uint8_t>(type);
}

}  // namespace

Queue::Queue(const QueueOptions& options)
    : options_(options),
      socket_(std::make_unique<os::NfqueueSocket>(
          options.netns_fd, wire::QueueSettings{options.queue, options.fail_open})),
      raw_(options.netns_fd),
      is_fail_open_(options.fail_open) {}

bool Queue::receive(engine::Engine& engine, os::DatagramBatch& batch, Injected& injected,
                    QueueTotals& totals, uint64_t now_ns) {
  const int count = socket_->receive(batch);
  for (int i = 0; i < count; i++) {
    const std::span<uint8_t> datagram = batch[static_cast<size_t>(i)];
    wire::NfqueueReader reader(datagram);
    wire::QueuedPacket packet;
    using Next = wire::NfqueueReader::Next;
    for (Next next = reader.next(packet); next != Next::kEnd; next = reader.next(packet)) {
      if (next == Next::kPacket) {
        take(packet, datagram, engine, injected, totals, now_ns);
        continue;
      }
      const bool is_done = next == Next::kAnswer && reader.answer_errno() == 0;
      if (!is_done) totals.errors++;
      if (next == Next::kMalformed) break;
    }
  }
  return count > 0;
}

wire::Toward Queue::toward_of(const wire::QueuedPacket& packet) const {
  if (options_.is_loopback) return wire::Toward::kUnknown;
  if (packet.hook == wire::Hook::kLocalIn) return wire::Toward::kPod;
  const bool is_out = packet.hook == wire::Hook::kLocalOut;
  return !is_out && packet.in_ifindex == options_.ifindex ? wire::Toward::kPod
                                                          : wire::Toward::kNetwork;
}

void Queue::take(const wire::QueuedPacket& packet, std::span<uint8_t> datagram,
                 engine::Engine& engine, Injected& injected, QueueTotals& totals, uint64_t now_ns) {
  totals.packets++;
  tickets_++;
  socket_->came(packet.id);
  wire::Ticket ticket(*this, packet.id, packet.mark);
  if (injected.take(socket_->namespace_id(), packet.octets, now_ns)) {
    totals.injected_seen_again++;
    ticket.accept(false);
    return;
  }
  if (tickets_ > kMostWaiting) return give_up(std::move(ticket), totals);
  if (packet.family == 0 || packet.octets.empty()) return;
  // The attributes in front of the packet have been read: their place is the Ethernet header's.
  const auto at = static_cast<size_t>(packet.octets.data() - datagram.data());
  const std::span<uint8_t> frame =
      datagram.subspan(at - kEthernetOctets, kEthernetOctets + packet.octets.size());
  const wire::Toward toward = toward_of(packet);
  write_ethernet(frame.first(kEthernetOctets), options_.endpoint, toward, packet.family);
  const engine::FrameMeta meta = {options_.endpoint, toward, now_ns, packet.is_cut};
  if (packet.is_cut) {
    const wire::Built beginning = wire::without_tail(frame);
    if (!beginning.frame.empty())
      return engine.receive(meta, beginning.vnet, beginning.frame, std::move(ticket));
  }
  engine.receive(meta, wire::vnet_of(packet, frame, options_.mtu_octets), frame, std::move(ticket));
}

// As the kernel would of a queue with no more places.
void Queue::give_up(wire::Ticket ticket, QueueTotals& totals) const {
  (is_fail_open_ ? totals.passed_unread : totals.overflowed)++;
  if (is_fail_open_) ticket.accept(false);
}

void Queue::set_fail_open(bool fail_open) {
  is_fail_open_ = fail_open;
  socket_->set_fail_open(fail_open);
}

void Queue::inject(const wire::VnetHeader& vnet, wire::Frame frame, Injected& injected,
                   QueueTotals& totals, uint64_t now_ns) {
  // What was accepted before goes before.
  flush();
  for (const std::vector<uint8_t>& packet : wire::segments_of(vnet, frame, options_.mtu_octets)) {
    injected.remember(socket_->namespace_id(), packet, now_ns);
    if (raw_.send(packet, options_.ifindex))
      totals.injected++;
    else
      totals.raw_send_failed++;
  }
}

bool Queue::settle(uint32_t packet_id, uint32_t mark, wire::Fate fate) noexcept {
  tickets_--;
  const bool accepts = fate != wire::Fate::kDrop;
  (accepts ? accepted_ : dropped_)++;
  const bool is_settled = fate == wire::Fate::kAcceptSettled && generation_ != 0;
  const uint32_t own_bits = is_settled ? uint32_t{generation_} << kMarkShift : 0;
  // Always with a mark: what the pod itself set there is not ours.
  if (socket_) socket_->verdict(packet_id, accepts, (mark & ~kMarkMask) | own_bits);
  return is_settled;
}

void Queue::update_statistics(QueueTotals& totals) {
  totals.accepted += std::exchange(accepted_, 0);
  totals.dropped += std::exchange(dropped_, 0);
  if (!socket_) return;
  socket_->update_statistics();
  const os::QueueCounts& now = socket_->counts();
  totals.errors += now.receive_errors - told_.receive_errors;
  totals.errors += now.verdicts_failed - told_.verdicts_failed;
  totals.overflowed += now.overflowed - told_.overflowed;
  totals.passed_unread += now.passed_unread - told_.passed_unread;
  told_ = now;
}

void Queue::close(QueueTotals& totals) {
  flush();
  // The second one counts what the first one saw.
  update_statistics(totals);
  update_statistics(totals);
  socket_.reset();
}

}  // namespace vethwall::shard
