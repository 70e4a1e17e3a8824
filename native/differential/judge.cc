#include "differential/judge.h"

#include <netinet/in.h>

#include <algorithm>

namespace vethwall::differential {
namespace {

using engine::CommandKind;
using engine::EventKind;

constexpr uint32_t kJudgeRule = 18;
constexpr uint32_t kMostTurns = 4;

}  // namespace

Inspected* Parsers::find(uint64_t id) {
  const auto found = std::ranges::find(flows_, id, &Inspected::id);
  return found == flows_.end() ? nullptr : &*found;
}

void Parsers::answer(const Inspected& flow, engine::Dir dir) {
  if (!flow.is_undecided || judge_ == Judge::kTap) return;
  engine::CommandHeader command = {};
  command.kind = CommandKind::kRelease;
  command.dir = dir;
  command.flow = flow.id;
  command.generation = 1;
  command.rule = kJudgeRule;
  command.at = flow.octets[engine::index_of(dir)].size();
  const bool settles =
      judge_ == Judge::kSettle && flow.octets[0].size() + flow.octets[1].size() >= settle_octets_;
  if (settles) command.kind = CommandKind::kSettle;
  if (settles) command.verdict = 1;
  const uint32_t due = turn_ + random_.below(kMostTurns);
  waiting_.push_back({waiting_.empty() ? due : std::max(due, waiting_.back().due), command});
}

std::string Parsers::take_octets(const engine_test::Event& event) {
  Inspected* flow = find(event.header.flow);
  if (flow == nullptr) return "octets of no flow";
  const size_t dir = engine::index_of(event.header.dir);
  if (flow->has_ended[dir]) return "octets behind the end";
  if (flow->has_gap[dir]) return {};
  if (event.header.at != flow->octets[dir].size())
    return "octets at " + std::to_string(event.header.at) + " after " +
           std::to_string(flow->octets[dir].size());
  flow->octets[dir] += event.octets;
  flow->has_ended[dir] = event.ended();
  answer(*flow, event.header.dir);
  return {};
}

// The kernel was given every segment: a hole is there only where too many waited behind it, or
// where it reset and had not said yet whether it took what came last.
std::string Parsers::take_gap(const engine_test::Event& event) {
  if (judge_ != Judge::kTap) return "a gap";
  Inspected* flow = find(event.header.flow);
  if (event.header.c == static_cast<uint8_t>(engine::GapCause::kOutOfOrderLimit))
    ++gaps_;
  else if (flow != nullptr)
    flow->lacks_last = true;
  if (flow != nullptr) flow->has_gap[engine::index_of(event.header.dir)] = true;
  return {};
}

std::string Parsers::take(const engine_test::Events& events) {
  for (const engine_test::Event& event : events) {
    if (std::ranges::find(others_, event.header.flow) != others_.end()) continue;
    Inspected* flow = find(event.header.flow);
    switch (event.header.kind) {
      case EventKind::kOpened:
        if (event.opened.protocol != IPPROTO_TCP) {
          others_.push_back(event.header.flow);
          break;
        }
        flows_.push_back({.id = event.header.flow,
                          .is_pod_opener = event.header.e == 0,
                          .is_undecided = event.header.c == 0,
                          .is_midstream = event.header.d == 2});
        break;
      case EventKind::kOctets:
      case EventKind::kGap: {
        const bool is_gap = event.header.kind == EventKind::kGap;
        const std::string wrong = is_gap ? take_gap(event) : take_octets(event);
        if (!wrong.empty()) return wrong;
        break;
      }
      case EventKind::kHoldEnded:
        return "a hold ended";
      case EventKind::kLost:
        return "lost events";
      case EventKind::kClosed:
        if (flow != nullptr) flow->is_closed = true;
        if (flow != nullptr) flow->was_reset = event.header.c == 1;
        break;
      default:
        break;
    }
  }
  for (const Inspected& flow : flows_)
    if (flow.lacks_last && !flow.was_reset) return "a gap where nothing was lost";
  return {};
}

void Parsers::given(const engine::CommandHeader& command) {
  Inspected* flow = find(command.flow);
  if (flow == nullptr) return;
  uint64_t& released = flow->released[engine::index_of(command.dir)];
  released = std::max(released, command.at);
  if (command.kind == CommandKind::kSettle) flow->is_undecided = false;
}

std::vector<engine::CommandHeader> Parsers::due(bool all) {
  ++turn_;
  std::vector<engine::CommandHeader> out;
  while (!waiting_.empty() && (all || waiting_.front().due < turn_)) {
    out.push_back(waiting_.front().command);
    waiting_.pop_front();
  }
  return out;
}

}  // namespace vethwall::differential
