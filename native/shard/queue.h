// One endpoint's NFQUEUE queue as a source of the engine, with the way back into its namespace.
#pragma once
#include <cstdint>
#include <memory>

#include "engine/engine.h"
#include "os/nfqueue_socket.h"
#include "os/raw_socket.h"
#include "shard/injected.h"
#include "wire/ticket.h"

namespace vethwall::shard {

struct QueueOptions {
  uint16_t endpoint = 0;
  int netns_fd = -1;
  uint16_t queue = 0;
  uint32_t ifindex = 0;  // of the endpoint's interface
  uint32_t mtu_octets = 1500;
  bool fail_open = false;    // what the queue has no room for passes unread
  bool is_loopback = false;  // each packet is queued once, as it is sent: no direction is the pod's
};

// Of all queues, closed ones too.
struct QueueTotals {
  uint64_t packets = 0;
  uint64_t accepted = 0;
  uint64_t dropped = 0;
  uint64_t overflowed = 0;     // there was no room: dropped
  uint64_t passed_unread = 0;  // there was no room: let pass, for failure is open
  uint64_t errors = 0;         // receive errors, verdicts that the kernel did not take
  uint64_t injected = 0;
  uint64_t injected_seen_again = 0;
  uint64_t raw_send_failed = 0;
};

class Queue final : public wire::TicketIssuer {
 public:
  explicit Queue(const QueueOptions& options);

  // One batch.
  bool receive(engine::Engine& engine, os::DatagramBatch& batch, Injected& injected,
               QueueTotals& totals, uint64_t now_ns);
  // A frame that the engine made or changed, as IP packets.
  void inject(const wire::VnetHeader& vnet, wire::Frame frame, Injected& injected,
              QueueTotals& totals, uint64_t now_ns);
  void flush() noexcept { socket_->flush(); }
  // 1..255: what the connection mark of a settled flow says; 0: no flow is ever settled.
  void set_mark(uint8_t generation) { generation_ = generation; }
  void set_fail_open(bool fail_open);
  void update_statistics(QueueTotals& totals);
  // The kernel drops what waits. Tickets may still be out.
  void close(QueueTotals& totals);
  bool has_tickets() const { return tickets_ > 0; }
  int fd() const { return socket_->fd(); }
  uint16_t endpoint() const { return options_.endpoint; }

  bool settle(uint32_t packet_id, uint32_t mark, wire::Fate fate) noexcept override;

 private:
  void take(const wire::QueuedPacket& packet, std::span<uint8_t> datagram, engine::Engine& engine,
            Injected& injected, QueueTotals& totals, uint64_t now_ns);
  void give_up(wire::Ticket ticket, QueueTotals& totals) const;
  wire::Toward toward_of(const wire::QueuedPacket& packet) const;

  const QueueOptions options_;
  std::unique_ptr<os::NfqueueSocket> socket_;  // closed by close()
  os::RawSocket raw_;
  bool is_fail_open_;
  uint8_t generation_ = 0;
  uint64_t tickets_ = 0;
  // Counted where no totals are at hand; moved there by update_statistics().
  uint64_t accepted_ = 0;
  uint64_t dropped_ = 0;
  os::QueueCounts told_ = {};
};

}  // namespace vethwall::shard
