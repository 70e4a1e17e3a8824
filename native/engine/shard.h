// The engine's one implementation, split by noun over the files of this folder.
#pragma once
#include <array>
#include <memory>
#include <span>
#include <vector>

#include "engine/arrival.h"
#include "engine/engine.h"
#include "engine/events.h"
#include "flow/age_list.h"
#include "flow/table.h"
#include "flow/tcp_options.h"
#include "flow/timers.h"
#include "flow/token_bucket.h"
#include "wire/fragments.h"

namespace vethwall::engine {

// carried.cc
CarriedFlow carried_flow(const flow::Flow& flow);

class Shard final : public Engine {
 public:
  Shard(const Limits& limits, const flow::SipKey& key, FrameSink& frames, EventSink& events,
        Carrier* carrier, Relay* relay);
  void set_policy(std::shared_ptr<const policy::Table> table, uint64_t now_ns) override;
  void set_endpoint(const EndpointConfig& config, uint64_t now_ns) override;
  void remove_endpoint(uint16_t id, uint64_t now_ns) override;
  void receive(const FrameMeta& meta, const wire::VnetHeader& vnet, wire::Frame frame,
               wire::Ticket ticket) override;
  void command(const CommandHeader& command, std::span<const uint8_t> refusal,
               uint64_t now_ns) override;
  bool rejudge(uint64_t now_ns) override;
  void tick(uint64_t now_ns) override;
  uint64_t counter(Counter counter) const override;
  uint32_t flows() const override { return table_.size(); }

 private:
  using Flow = flow::Flow;
  using HalfInspection = flow::HalfInspection;

  // shard.cc: what a frame is, and sending it on
  bool read(Arrival& arrival);
  void take(Arrival& arrival);
  void judge(const Arrival& arrival);
  void malformed(const Arrival& arrival);
  void not_ip(const Arrival& arrival);
  void forward(const Arrival& arrival) { send_on(arrival, false); }
  bool send_on(const Arrival& arrival, bool is_settled);
  bool pass(const Arrival& arrival, bool is_settled);  // whatever it carries
  bool emit(const wire::VnetHeader& vnet, wire::Frame frame, Departure departure);
  void emit(const wire::Built& built) { emit(built.vnet, built.frame, {}); }
  uint64_t& count(Counter counter) { return counters_[static_cast<size_t>(counter)]; }

  // spoofing.cc: frames that claim to be another's
  bool checks_source(const Arrival& arrival) const;
  bool refuses_source(const Arrival& arrival);
  void spoofed(uint16_t id, Spoof spoof);
  void report_spoofed();
  void arp(const Arrival& arrival);

  // relaying.cc
  uint32_t owner_of(const Arrival& arrival) const;
  bool relays(const Arrival& arrival);

  // tunnels.cc: what a tunnel's packet carries
  bool is_tunnel(const wire::Packet& packet) const;
  bool carries_tunnel(const Flow& flow) const;
  void defer(const Arrival& arrival);
  void defer(const Flow& flow, Dir dir, flow::Held& held);
  void judge_deferred();
  void judge_inner(Carrying& outer);
  void unjudged(const Arrival& arrival, Counter cause);

  // fragments.cc
  void fragment(const Arrival& arrival);

  // opening.cc, closing.cc: the life of a flow
  void describe(Flow& flow, const Opening& opening) const;
  Flow& open(const Opening& opening, const EndpointConfig& endpoint);
  policy::Verdict evaluate(const Flow& flow, bool swapped,
                           uint64_t at_ms = policy::kWheneverMs) const;
  // `at_ms`: when a new flow begins.
  policy::Verdict judge_l4(const Flow& flow, uint64_t at_ms = policy::kWheneverMs) const;
  void tally(Flow& flow, Dir dir, const Arrival& arrival);
  void settle_after(Flow& flow);  // after every touch: failures due, holds, what to keep, timer
  void trim(Flow& flow);
  flow::Timer timer_of(const Flow& flow) const;
  void deny(Flow& flow, uint32_t rule);  // silent: answers.cc tells the ends
  void forward_uninspected(Flow& flow, uint32_t rule);
  void end_inspection(Flow& flow);
  void report_closed(Flow& flow, Closed how);
  void remove(Flow& flow, Closed how);
  void make_room();

  // bypass.cc: flows whose frames may pass unseen
  bool is_settled(const Flow& flow) const;
  void forward_of(Flow& flow, const Arrival& arrival);
  void let_pass(Flow& flow, const Arrival& arrival);
  void follow_bypassed(Flow& flow, Dir dir, const Arrival& arrival);
  void note_end(const Arrival& arrival);
  uint32_t epoch_of(const Flow& flow) const { return endpoints_[flow.endpoint()].config.epoch; }

  // big_flows.cc: flows that filters carry where no flow map is
  bool has_filters(const Flow& flow, const Arrival& arrival) const;
  void look_for_big(Flow& flow, const Arrival& arrival);
  bool waits_for_recall(const Flow& flow, const Arrival& arrival);
  void recalled(Flow& flow);

  // carried.cc: flows that the kernel's flow map carries
  CarriedCounts carried(Flow& flow);
  bool has_moved(Flow& flow);
  void stop_carrying(const Flow& flow);

  // long_body.cc: octets that the judge skips, while later ones are judged
  void carry_body(Flow& flow, Dir dir);
  bool is_past_body(const Flow& flow, Dir dir, const wire::Packet& packet) const;
  void end_body(Flow& flow);
  void probe_both(const Flow& flow);
  void reset_bypassed(const Flow& flow, Dir dir, const Arrival& arrival);

  // answers.cc
  void cut(Flow& flow, uint32_t rule);  // deny, and tell both ends
  wire::Built reset_toward(const Flow& flow, Dir dir) const;
  void reset_both(const Flow& flow);
  void reset_sender(const Arrival& arrival);
  void prohibit_held(const Flow& flow);
  void prohibit(wire::Frame frame, const wire::Packet& packet);
  void refuse_tcp(Flow& flow, uint32_t rule, std::span<const uint8_t> octets);
  void continue_refusal(Flow& flow, Dir dir, const Arrival& arrival);

  // tcp.cc
  void tcp(const Arrival& arrival);
  Flow* open_tcp(const Arrival& arrival, const flow::Keyed& keyed);
  void stray_reset(const Arrival& arrival, const Opening& opening);
  Flow* reopen(Flow& flow, const Arrival& arrival, const flow::Keyed& keyed);
  Flow& open_pending(Flow& flow, const Arrival& arrival, const flow::Keyed& keyed);
  void denied_tcp(Flow& flow, Dir dir, const Arrival& arrival);
  void handle_tcp(Flow& flow, Dir dir, const Arrival& arrival);
  void forward_tcp(Flow& flow, Dir dir, const Arrival& arrival);
  void follow(Flow& flow, Dir dir, const Arrival& arrival);
  void close_when_acknowledged(Flow& flow);
  uint32_t window_octets(const Flow& flow, Dir dir, const wire::Packet& packet) const;
  bool resets(const Flow& flow, Dir dir, const Arrival& arrival) const;
  void take_acknowledgement(Flow& flow, Dir dir, const wire::Packet& packet);
  Segment segment_of(const Flow& flow, Dir dir, const wire::Packet& packet) const;

  // acceptance.cc
  bool is_signed_as_its_syn(const Flow& flow, Dir dir, const flow::SegmentOptions& options) const;
  bool are_readable(const Flow& flow, const flow::SegmentOptions& options) const;
  bool is_stamped(const Flow& flow, const flow::SegmentOptions& options) const;
  bool acknowledges_plausibly(const Flow& flow, Dir dir, const wire::Packet& packet) const;
  bool is_old(const Flow& flow, Dir dir, const Arrival& arrival) const;
  bool is_acceptable(Flow& flow, Dir dir, const Arrival& arrival);
  bool echoes_syn_ack(const Flow& flow, Dir dir, const Arrival& arrival) const;
  bool is_predicted(const Flow& flow, Dir dir, const Arrival& arrival) const;
  void keep_doubtful(Flow& flow, Dir dir, const Arrival& arrival);
  uint64_t may_be_acknowledged(const Flow& flow, Dir dir) const;
  void note_timestamp(Flow& flow, Dir dir, wire::Frame frame, const wire::Packet& packet);
  void note_accepted(Flow& flow, Dir dir, const Arrival& arrival);

  // tcp_syn.cc
  void syn_payload(Flow& flow, Dir dir, const Arrival& arrival);
  void keep_syn_octets(Flow& flow, Dir dir, const Arrival& arrival);
  void take_syn_octets(Flow& flow, Dir dir, const wire::Packet& answer);
  static flow::PendingSyn pending_syn_of(Dir dir, const Arrival& arrival);
  bool take_syn(Flow& flow, Dir dir, const Arrival& arrival);
  bool later_syn(Flow& flow, Dir dir, const Arrival& arrival);

  // tcp_inline.cc: payload that is judged before it goes on
  void inspect_tcp(Flow& flow, Dir dir, const Arrival& arrival);
  void inspect_segment(Flow& flow, const Segment& segment, const Arrival& arrival);
  void inspect_reset(Flow& flow, Dir dir, const Arrival& arrival);
  bool accepts(Flow& flow, const Segment& segment, const Arrival& arrival);
  void pass_segment(Flow& flow, const Segment& segment, const Arrival& arrival);
  void hold_segment(Flow& flow, const Segment& segment, const Arrival& arrival);
  void late_tcp(Flow& flow, Dir dir, const Arrival& arrival);

  // stream.cc
  bool wants_octets(const Flow& flow) const;
  void take_in_sequence(HalfInspection& half, uint64_t at, std::span<const uint8_t> octets);
  void end_stream(HalfInspection& half);
  void advance(HalfInspection& half);
  void deliver(Flow& flow, Dir dir);
  bool deliver_chunk(Flow& flow, Dir dir, uint64_t octets, bool ended);
  void report_gap_of_lost(Flow& flow, Dir dir);
  void deliver_late(Flow& flow);
  void gap(Flow& flow, Dir dir, uint64_t to, GapCause cause);

  // tcp_tap.cc
  void observe_tcp(Flow& flow, Dir dir, const Arrival& arrival);
  void observe_segment(Flow& flow, const Segment& segment, const Arrival& arrival);
  void observe_octets(Flow& flow, Dir dir, uint64_t at, std::span<const uint8_t> octets, bool fin);
  void find_lost(Flow& flow, Dir dir);
  void find_end(Flow& flow, Dir dir);
  void lose_doubtful(Flow& flow);
  void close_when_read(Flow& flow);

  // datagram.cc, icmp.cc
  void datagram(const Arrival& arrival);
  Flow& open_datagram(const Arrival& arrival, const flow::Keyed& keyed);
  void handle_datagram(Flow& flow, Dir dir, const Arrival& arrival);
  void inspect_datagram(Flow& flow, Dir dir, const Arrival& arrival);
  void deliver_datagram(Flow& flow, Dir dir, const Arrival& arrival, uint64_t index, bool held);
  void flush_datagrams(Flow& flow, Dir dir);
  bool icmp_error(const Arrival& arrival);

  // commands.cc
  void apply(Flow& flow, const CommandHeader& command, std::span<const uint8_t> refusal);
  void skip(Flow& flow, const CommandHeader& command);
  void need(Flow& flow, const CommandHeader& command);
  void release(Flow& flow, const CommandHeader& command);
  void deny_command(Flow& flow, const CommandHeader& command, std::span<const uint8_t> refusal);
  void deny_datagram(Flow& flow, const CommandHeader& command, std::span<const uint8_t> refusal);
  void answer_datagram(const flow::Held& held, Answer answer, std::span<const uint8_t> refusal);
  void settle(Flow& flow, const CommandHeader& command);

  // holds.cc: frames that wait, and sending them on
  flow::Held held_from(const Arrival& arrival, uint64_t from, uint64_t to);
  flow::Held passed_copy(uint64_t at, std::span<const uint8_t> octets, bool fin) const;
  bool has_room(const HalfInspection& half, const Arrival& arrival) const;
  void forward_clean(const Arrival& arrival);
  bool clear_urgent(std::span<uint8_t> frame, const wire::VnetHeader& vnet,
                    const wire::Packet& packet);
  void freshen(const HalfInspection& half, flow::Held& held);
  void emit(flow::Held& held);
  void flush(Flow& flow);
  void flush_tcp(Flow& flow, Dir dir);
  void flush_across(HalfInspection& half, size_t index);
  void end_hold(Flow& flow, Dir dir, HoldCause cause);
  void hold_expired(Flow& flow);

  // rejudging.cc: the flow, judged by the policy in force; null where that forgets it
  Flow* in_force(Flow* flow);

  // endpoints.cc
  void to_tap(Flow& flow);
  void to_inline(Flow& flow);
  const EndpointConfig* endpoint(uint16_t id) const;

  using SpoofCounts = std::array<uint64_t, 3>;  // by Spoof
  struct EndpointSlot {
    EndpointConfig config;
    bool is_known;
    SpoofCounts spoofed;  // not yet reported
  };

  Limits limits_;
  FrameSink& frames_;
  Carrier* carrier_;
  Relay* relay_;
  std::array<uint64_t, static_cast<size_t>(Counter::kCount)> counters_ = {};
  Events events_;
  flow::Budget budget_;
  flow::SipKey sip_key_;
  flow::FlowTable table_;
  flow::TimerLists timers_;
  flow::AgeList<&flow::Inspection::hold> holds_;
  flow::AgeList<&flow::Inspection::late> late_;
  flow::TokenBucket icmp_tokens_;
  wire::Reassembler reassembler_;
  std::vector<Carrying> deferred_;
  std::shared_ptr<const policy::Table> policy_;
  uint16_t policy_turn_ = 0;    // another one with each policy
  size_t rejudged_places_ = 0;  // of the flow table, since the last one
  std::vector<EndpointSlot> endpoints_;
  std::vector<uint16_t> spoofers_;  // endpoints with frames to report
  uint64_t now_ns_ = 0;
};

}  // namespace vethwall::engine
