// The ownership of a packet that waits in a kernel queue for its verdict. Who holds the ticket
// decides: accept() lets the packet go on, a ticket that is destroyed drops it. So what nobody
// sends on is dropped, and nothing stays in the queue.
#pragma once
#include <cstdint>
#include <utility>

namespace vethwall::wire {

enum class Fate : uint8_t {
  kDrop,
  kAccept,
  kAcceptSettled,  // and nothing can change any more what happens to its flow
};

class TicketIssuer {
 public:
  // True where later packets of the flow may pass without waiting: kAcceptSettled was noted.
  virtual bool settle(uint32_t packet_id, uint32_t mark, Fate fate) noexcept = 0;

 protected:
  ~TicketIssuer() = default;
};

class Ticket {
 public:
  // Of a frame that waits nowhere.
  Ticket() = default;
  // `issuer` lives until the ticket is settled; `mark` is the packet's, as it was received.
  Ticket(TicketIssuer& issuer, uint32_t packet_id, uint32_t mark)
      : issuer_(&issuer), packet_id_(packet_id), mark_(mark) {}
  Ticket(Ticket&& other) noexcept
      : issuer_(std::exchange(other.issuer_, nullptr)),
        packet_id_(other.packet_id_),
        mark_(other.mark_) {}
  Ticket& operator=(Ticket&& other) noexcept {
    if (this == &other) return *this;
    settle(Fate::kDrop);
    issuer_ = std::exchange(other.issuer_, nullptr);
    packet_id_ = other.packet_id_;
    mark_ = other.mark_;
    return *this;
  }
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;
  ~Ticket() { settle(Fate::kDrop); }

  explicit operator bool() const { return issuer_ != nullptr; }
  bool accept(bool is_settled) { return settle(is_settled ? Fate::kAcceptSettled : Fate::kAccept); }

 private:
  bool settle(Fate fate) {
    TicketIssuer* issuer = std::exchange(issuer_, nullptr);
    return issuer != nullptr && issuer->settle(packet_id_, mark_, fate);
  }

  TicketIssuer* issuer_ = nullptr;
  uint32_t packet_id_ = 0;
  uint32_t mark_ = 0;
};

}  // namespace vethwall::wire
