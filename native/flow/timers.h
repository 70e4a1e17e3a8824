// Idle times, one list per time: every member of a list waits equally long, so the next to expire
// is always its head, and nothing is ever sorted.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace vethwall::flow {

struct Flow;

enum class Timer : uint8_t {
  kClosing,
  kDenied,
  kSyn,
  kUdpUnanswered,
  kIcmp,
  kUdpAnswered,
  kEstablished,
  kBypassed,
  kCount
};
inline constexpr size_t kTimers = static_cast<size_t>(Timer::kCount);
inline constexpr uint64_t kSecond = 1'000'000'000;

inline constexpr std::array<uint64_t, kTimers> kIdleNs = {
    30 * kSecond,    // nf_conntrack_tcp_timeout_last_ack
    10 * kSecond,    // nf_conntrack_tcp_timeout_close: retransmissions of what was refused
    60 * kSecond,    // nf_conntrack_tcp_timeout_syn_recv
    30 * kSecond,    // nf_conntrack_udp_timeout; design §5
    30 * kSecond,    // nf_conntrack_icmp_timeout
    180 * kSecond,   // RFC 4787 REQ-5 asks for two minutes at least; design §5
    3600 * kSecond,  // one hour: beyond it a connection is judged anew as midstream
    // nf_conntrack_tcp_timeout_established: the mark by which the kernel passes it lives as long.
    432'000 * kSecond,
};

// A list's order is refreshed this often per flow, not on every frame; idle ends are late by this
// much at most, never early.
inline constexpr uint64_t kTimerGrainNs = kSecond / 4;

class TimerLists {
 public:
  // Puts the flow at the end of `list`, or moves it there when its place is older than the grain.
  void touch(Flow& flow, Timer list, uint64_t now_ns);
  void remove(Flow& flow);
  // The head of `list` where its idle time is over.
  Flow* expired(Timer list, uint64_t now_ns) const;
  // Who has been idle longest, over those whose loss costs least first: ended and denied flows,
  // then unanswered openings while these fill more than half the table, so that a flood of them
  // never drives established connections out.
  Flow* oldest(uint32_t flows) const;

 private:
  struct List {
    Flow* head = nullptr;
    Flow* tail = nullptr;
    uint32_t count = 0;
  };
  Flow* older_head(Timer first, Timer last) const;
  uint32_t count(Timer first, Timer last) const;
  std::array<List, kTimers> lists_ = {};
};

}  // namespace vethwall::flow
