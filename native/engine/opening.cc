#include <netinet/in.h>

#include "engine/rule_id.h"
#include "engine/shard.h"
#include "engine/sources.h"

namespace vethwall::engine {
namespace {

constexpr uint64_t kNsPerMs = 1'000'000;

PodSide pod_side_of(wire::Toward toward) {
  return toward == wire::Toward::kNetwork ? PodSide::kOpener : PodSide::kReceiver;
}

// Where no frame says it (replay), addresses do; without them it is as if the pod were the
// receiver, whose policy a capture at a server is about.
bool is_opened_by(const EndpointConfig& endpoint, const flow::Flow& flow) {
  return is_among(endpoint.addresses, flow.source()) &&
         !is_among(endpoint.addresses, flow.destination());
}

PodSide opposite(PodSide side) {
  return side == PodSide::kOpener ? PodSide::kReceiver : PodSide::kOpener;
}

}  // namespace

void Shard::describe(Flow& flow, const Opening& opening) const {
  flow.key = opening.key;
  flow.orig_is_low = opening.source_is_low;
  flow.start = opening.start;
  flow.pod_side = pod_side_of(opening.toward);
  const wire::L3Template& along = opening.along_orig;
  flow.link = {along.destination_mac, along.source_mac, along.vlan_tags, along.vlan_count};
  flow.source_port = opening.source_port;
  flow.destination_port = opening.destination_port;
}

Shard::Flow& Shard::open(const Opening& opening, const EndpointConfig& endpoint) {
  if (table_.is_full()) make_room();
  Flow& flow = *table_.insert(opening.key);
  describe(flow, opening);
  if (opening.toward == wire::Toward::kUnknown && is_opened_by(endpoint, flow))
    flow.pod_side = PodSide::kOpener;
  flow.tap = endpoint.path == EndpointPath::kTap;
  const policy::Verdict verdict = judge_l4(flow, now_ns_ / kNsPerMs);
  flow.l4 = verdict.verdict;
  flow.rule = verdict.rule;
  flow.judged_generation = policy_ ? policy_->generation() : 0;
  flow.policy_turn = policy_turn_;
  flow.stance = verdict.verdict == L4Verdict::kAllow  ? flow::Stance::kForward
                : verdict.verdict == L4Verdict::kDeny ? flow::Stance::kDenied
                                                      : flow::Stance::kUndecided;
  if (wants_octets(flow) || flow.stance == flow::Stance::kUndecided)
    flow.inspection =
        std::make_unique<flow::Inspection>(budget_, flow.stance == flow::Stance::kUndecided);
  ++count(Counter::kFlowsOpened);
  if (flow.rule == kRuleMidstream) ++count(Counter::kMidstreamDenied);
  const uint32_t generation = policy_ ? policy_->generation() : 0;
  if (!events_.opened(flow, generation, opening.tunnel)) flow.event_lost = true;
  return flow;
}

policy::Verdict Shard::evaluate(const Flow& flow, bool swapped, uint64_t at_ms) const {
  if (policy_ == nullptr) {
    const EndpointConfig* config = endpoint(flow.endpoint());
    const bool is_open = config == nullptr || config->failure == Took::kOpen;
    return {is_open ? L4Verdict::kAllow : L4Verdict::kDeny, kRuleFailure};
  }
  const wire::Address source = flow.source();
  const wire::Address destination = flow.destination();
  return policy_->evaluate({flow.endpoint(), swapped ? opposite(flow.pod_side) : flow.pod_side,
                            flow.protocol(), swapped ? flow.source_port : flow.destination_port,
                            swapped ? destination : source, swapped ? source : destination, at_ms});
}

policy::Verdict Shard::judge_l4(const Flow& flow, uint64_t at_ms) const {
  const policy::Verdict verdict = evaluate(flow, false, at_ms);
  if (flow.protocol() != IPPROTO_TCP || flow.start != Start::kMidstream) return verdict;
  // Nobody saw who opened it: it passes only where either end might have.
  const bool both = verdict.verdict == L4Verdict::kAllow &&
                    evaluate(flow, true, at_ms).verdict == L4Verdict::kAllow;
  return both ? verdict : policy::Verdict{L4Verdict::kDeny, kRuleMidstream};
}

void Shard::tally(Flow& flow, Dir dir, const Arrival& arrival) {
  const auto i = static_cast<size_t>(dir);
  uint64_t packets = 1;
  if (!arrival.fragments.empty()) packets = arrival.fragments.size();
  if (arrival.vnet.gso_type != wire::kGsoNone && arrival.vnet.gso_size > 0)
    packets = (arrival.packet.payload_octets + arrival.vnet.gso_size - 1) / arrival.vnet.gso_size;
  flow.packets[i] += packets;
  flow.octets[i] += arrival.frame.size();
  if (dir == Dir::kReply) flow.is_answered = true;
}

}  // namespace vethwall::engine
