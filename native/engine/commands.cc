// What the judge decided. A command for a flow that has ended, or of an older policy, does nothing.
#include <netinet/in.h>

#include <algorithm>

#include "engine/shard.h"
#include "engine/tcp_flags.h"

namespace vethwall::engine {
namespace {

constexpr uint32_t kSettleAllow = 1;

// That nobody reads a tap's flow any more is said only once.
bool holds_under_any_policy(const flow::Flow& flow, const CommandHeader& command) {
  return flow.tap && command.kind == CommandKind::kSettle && command.verdict == kSettleAllow;
}

uint64_t end_of(uint64_t from, uint64_t count) {
  return count > kToEnd - from ? kToEnd : from + count;
}

}  // namespace

void Shard::command(const CommandHeader& command, std::span<const uint8_t> refusal,
                    uint64_t now_ns) {
  now_ns_ = now_ns;
  Flow* flow = in_force(table_.find(command.flow));
  if (flow != nullptr && command.kind == CommandKind::kRecalled) return recalled(*flow);
  if (flow == nullptr || flow->is_closed) return;
  const bool is_stale = policy_ != nullptr && command.generation < policy_->generation();
  if (is_stale && !holds_under_any_policy(*flow, command)) {
    ++count(Counter::kStaleCommands);
    return;
  }
  if (flow->stance == flow::Stance::kDenied) return;
  apply(*flow, command, refusal);
  settle_after(*flow);
  judge_deferred();
}

void Shard::apply(Flow& flow, const CommandHeader& command, std::span<const uint8_t> refusal) {
  switch (command.kind) {
    case CommandKind::kNeed:
      return need(flow, command);
    case CommandKind::kSkip:
      return skip(flow, command);
    case CommandKind::kRelease:
      return release(flow, command);
    case CommandKind::kDeny:
      return deny_command(flow, command, refusal);
    case CommandKind::kSettle:
      return settle(flow, command);
    case CommandKind::kRecalled:
    case CommandKind::kPad:
      return;
  }
}

void Shard::need(Flow& flow, const CommandHeader& command) {
  if (flow.inspection == nullptr || flow.protocol() != IPPROTO_TCP) return;
  HalfInspection& half = flow.inspection->half[index_of(command.dir)];
  const uint64_t counted = half.delivered - std::min(half.delivered, command.at);
  const uint64_t known = command.at > 0 ? counted : 0;
  half.need = command.count > known ? command.count - known : 1;
  half.need_told = true;
  deliver(flow, command.dir);
  const bool is_waiting = half.need_told && half.delivered + half.need > half.next;
  const bool is_full = half.held.payload_octets() >= limits_.hold_octets_per_direction;
  if (!flow.tap && is_waiting && is_full && half.awaits_judge())
    end_hold(flow, command.dir, HoldCause::kMemory);
}

void Shard::skip(Flow& flow, const CommandHeader& command) {
  if (flow.inspection == nullptr) return;
  HalfInspection& half = flow.inspection->half[index_of(command.dir)];
  half.skip = {command.at, end_of(command.at, command.count)};
  if (flow.stance == flow::Stance::kUndecided) half.release_to(half.released);
  if (flow.protocol() == IPPROTO_TCP) deliver(flow, command.dir);
  flush(flow);
  carry_body(flow, command.dir);
}

void Shard::release(Flow& flow, const CommandHeader& command) {
  flow.rule = command.rule;
  if (flow.inspection == nullptr || flow.stance != flow::Stance::kUndecided) return;
  flow.inspection->half[index_of(command.dir)].release_to(command.at);
  flush(flow);
}

void Shard::deny_command(Flow& flow, const CommandHeader& command,
                         std::span<const uint8_t> refusal) {
  if (flow.protocol() != IPPROTO_TCP) return deny_datagram(flow, command, refusal);
  if (flow.tap) return deny(flow, command.rule);
  if (command.answer == Answer::kRefusal) return refuse_tcp(flow, command.rule, refusal);
  cut(flow, command.rule);
}

void Shard::deny_datagram(Flow& flow, const CommandHeader& command,
                          std::span<const uint8_t> refusal) {
  const bool closes = command.then == Then::kClose;
  flow.rule = command.rule;
  if (!flow.tap && flow.inspection != nullptr) {
    flow::HoldQueue& queue = flow.inspection->half[index_of(command.dir)].held;
    for (size_t i = 0; i < queue.frames().size(); ++i) {
      if (queue.frames()[i].from != command.at) continue;
      answer_datagram(queue.frames()[i], command.answer, refusal);
      ++count(Counter::kDeniedFrames);
      queue.mark_sent(i);
      holds_.remove(flow);
      break;
    }
    queue.erase_sent();
  }
  if (closes) deny(flow, command.rule);
}

void Shard::answer_datagram(const flow::Held& held, Answer answer,
                            std::span<const uint8_t> refusal) {
  const wire::Packet& packet = held.packet;
  if (answer != Answer::kRefusal || packet.protocol != IPPROTO_UDP || packet.tunnel != 0)
    return prohibit(held.frame, packet);
  emit(wire::build_udp(wire::reversed(wire::template_of(held.frame, packet)),
                       packet.destination_port, packet.source_port, refusal));
  ++count(Counter::kRefusalsSent);
}

void Shard::settle(Flow& flow, const CommandHeader& command) {
  if (command.verdict != kSettleAllow) return cut(flow, command.rule);
  flow.judged_generation = command.generation;
  forward_uninspected(flow, command.rule);
}

}  // namespace vethwall::engine
