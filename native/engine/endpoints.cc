// Endpoints and their paths.
#include <netinet/in.h>

#include <algorithm>
#include <utility>

#include "engine/shard.h"
#include "engine/tcp_flags.h"

namespace vethwall::engine {

const EndpointConfig* Shard::endpoint(uint16_t id) const {
  if (id >= endpoints_.size() || !endpoints_[id].is_known) return nullptr;
  return &endpoints_[id].config;
}

void Shard::set_endpoint(const EndpointConfig& config, uint64_t now_ns) {
  now_ns_ = now_ns;
  if (config.id > wire::kEndpointMask) return;
  if (config.id >= endpoints_.size()) endpoints_.resize(config.id + size_t{1});
  EndpointSlot& slot = endpoints_[config.id];
  const bool is_same_path = slot.is_known && slot.config.path == config.path;
  const bool is_new = !slot.is_known;
  slot.config = config;
  slot.is_known = true;
  if (is_new || is_same_path) return;
  table_.for_each([&](Flow& flow) {
    const bool tap = config.path == EndpointPath::kTap;
    if (flow.endpoint() != config.id || flow.tap == tap) return;
    if (tap)
      to_tap(flow);
    else
      to_inline(flow);
    settle_after(flow);
  });
  judge_deferred();
}

// What was held goes on: from here every frame's original goes its own way.
void Shard::to_tap(Flow& flow) {
  end_body(flow);
  if (flow.inspection != nullptr) {
    std::array<uint64_t, 2> released = {};
    for (size_t i = 0; i < 2; ++i)
      released[i] = std::exchange(flow.inspection->half[i].released, flow::kWholeDirection);
    flush(flow);
    for (size_t i = 0; i < 2; ++i) flow.inspection->half[i].released = released[i];
  }
  flow.tap = true;
}

void Shard::to_inline(Flow& flow) {
  flow.tap = false;
  if (flow.is_closed) return;
  if (flow.stance == flow::Stance::kDenied) return cut(flow, flow.rule);
  const policy::Verdict verdict = judge_l4(flow);
  if (verdict.verdict == L4Verdict::kDeny) return cut(flow, verdict.rule);
  if (flow.inspection == nullptr || flow.stance != flow::Stance::kUndecided) return;
  for (size_t i = 0; i < 2; ++i) {
    HalfInspection& half = flow.inspection->half[i];
    // It went past while nobody held it; a retransmission of it changes nothing.
    half.release_to(flow.protocol() == IPPROTO_TCP ? flow.tcp[i].sent : half.next);
  }
}

void Shard::remove_endpoint(uint16_t id, uint64_t now_ns) {
  now_ns_ = now_ns;
  if (endpoint(id) == nullptr) return;
  table_.for_each([&](Flow& flow) {
    if (flow.endpoint() == id) remove(flow, Closed::kEvicted);
  });
  reassembler_.remove_endpoint(id);
  report_spoofed();
  std::erase(spoofers_, id);
  endpoints_[id] = {};
}

}  // namespace vethwall::engine
