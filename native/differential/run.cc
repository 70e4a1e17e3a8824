#include "differential/run.h"

#include <netinet/in.h>

#include <algorithm>
#include <memory>

#include "differential/compare.h"
#include "differential/judge.h"
#include "differential/octets.h"
#include "differential/trace.h"
#include "test/engine_net.h"
#include "wire/segments.h"

namespace vethwall::differential {
namespace {

using engine::EndpointPath, engine::kAck, engine::kFin;

constexpr uint16_t kUndecidedPort = 80, kAllowedPort = 81;
constexpr uint16_t kEndpoint = 7;
constexpr uint16_t kEthernetOctets = 14;
constexpr uint64_t kMillisecond = 1'000'000;
// A case that still has frames to exchange after so many is one that never will be quiet.
constexpr uint32_t kMostExchanges = 10000;

class Run {
 public:
  Run(World& world, const Case& one)
      : world_(world),
        case_(one),
        ends_(ends_of(world.cases++, one)),
        peer_(ends_, static_cast<uint32_t>(Random(one.seed).next())),
        program_(world.listeners[one.family == 4 ? 0 : 1][one.judge == Judge::kAllow].get(),
                 one.judge == Judge::kTap),
        parsers_(one),
        given_up_(world.engine->counter(engine::Counter::kOutOfOrderLimit)),
        contradictions_(world.engine->counter(engine::Counter::kContradiction)) {
    engine::EndpointConfig config = {};
    config.id = kEndpoint;
    config.path = one.judge == Judge::kTap ? EndpointPath::kTap : EndpointPath::kInline;
    config.failure = engine::Took::kClosed;
    config.strict = one.judge != Judge::kTap;
    config.deliver_all = one.judge != Judge::kHold;
    world_.engine->set_endpoint(config, world_.now_ns);
  }
  ~Run() {
    program_.close(true);
    wire::VnetHeader vnet;
    std::string packet;
    while (world_.tunnel.read(vnet, packet)) continue;
    world_.engine->remove_endpoint(kEndpoint, world_.now_ns);
    world_.ring.all.clear();
    world_.frames.all.clear();
  }
  Outcome run() {
    for (const Step& one : case_.steps) {
      step(one);
      settle(false);
      if (!wrong_.empty()) return outcome();
    }
    finish();
    if (wrong_.empty()) wrong_ = compare();
    return outcome();
  }

 private:
  Outcome outcome() const {
    Outcome out = {wrong_};
    for (const Connection& one : program_.connections()) out.received += one.received.size();
    return out;
  }
  static Ends ends_of(uint32_t number, const Case& one) {
    const std::string tail = {static_cast<char>(number >> 8), static_cast<char>(number)};
    const auto high = static_cast<char>(64 + (number >> 16) % 64);
    Ends out = {one.family, {}, {}, 0, 0};
    out.kernel = one.family == 4 ? std::string("\x0a\x01\x00\x02", 4) : engine_test::pod_address(6);
    out.peer = one.family == 4 ? std::string("\x0a", 1) + high + tail
                               : std::string("\xfd\0\0\0\0\0\0\0\0\0\0\1\0", 13) + high + tail;
    const uint16_t service = one.judge == Judge::kAllow ? kAllowedPort : kUndecidedPort;
    const auto client = static_cast<uint16_t>(20000 + number % 20000);
    out.kernel_port = one.opener == Opener::kPeer ? service : client;
    out.peer_port = one.opener == Opener::kPeer ? client : service;
    return out;
  }
  bool is_inline() const { return case_.judge != Judge::kTap; }

  void step(const Step& one) {
    world_.now_ns += kMillisecond;
    switch (one.kind) {
      case StepKind::kSegment:
        has_reset_ = has_reset_ || (one.flags & 4) != 0;
        for (const std::string& packet : peer_.packets(one)) from_peer(packet);
        return;
      case StepKind::kWrite:
        return program_.write(one.octets);
      case StepKind::kPause:
        return program_.pause(true);
      case StepKind::kResume:
        return program_.pause(false);
      case StepKind::kShutdown:
        return program_.shut_down();
      case StepKind::kAbort:
        program_.read();
        return program_.close(true);
      case StepKind::kClose:
        program_.read();
        return program_.close(false);
      case StepKind::kRelease:
        return settle(true);
      case StepKind::kPass:
        world_.now_ns += one.octets * kMillisecond;
        return world_.engine->tick(world_.now_ns);
      case StepKind::kRenumber:
        renumbered_ += static_cast<uint32_t>(one.at);
        return peer_.renumber(static_cast<uint32_t>(one.at));
      case StepKind::kConnect:
        return program_.connect(ends_.family, ends_.peer, ends_.peer_port, ends_.kernel_port);
      case StepKind::kCount:
        return;
    }
  }
  void receive(bool from_pod, const wire::VnetHeader& vnet, const std::string& packet) {
    const std::string frame = engine_test::ethernet_octets(
        from_pod, kEndpoint, 0, ends_.family == 4 ? 0x0800 : 0x86dd, packet);
    const wire::Frame octets(reinterpret_cast<const uint8_t*>(frame.data()), frame.size());
    wire::VnetHeader moved = vnet;
    if ((vnet.flags & wire::kNeedsCsum) != 0) moved.csum_start += kEthernetOctets;
    if (vnet.hdr_len > 0) moved.hdr_len += kEthernetOctets;
    if (world_.is_traced) trace(from_pod ? "from pod " : "from peer", moved, octets);
    world_.engine->receive(
        {kEndpoint, from_pod ? wire::Toward::kNetwork : wire::Toward::kPod, world_.now_ns}, moved,
        octets, {});
  }
  void to_peer(const wire::VnetHeader& vnet, const std::string& packet) {
    const std::string frame =
        std::string(kEthernetOctets - 2, '\2') + be16(ends_.family == 4 ? 0x0800 : 0x86dd) + packet;
    wire::VnetHeader trusted = vnet;
    trusted.flags = wire::kDataValid;
    const wire::Frame octets(reinterpret_cast<const uint8_t*>(frame.data()), frame.size());
    wire::Packet decoded;
    if (wire::decode(octets, trusted, decoded) == wire::Malformed::kOk) took(decoded, octets);
  }
  void took(const wire::Packet& packet, wire::Frame frame) {
    peer_.take(packet, frame);
    has_reset_ = has_reset_ || (packet.tcp_flags & 4) != 0;
    if (packet.protocol != IPPROTO_TCP || packet.payload_octets == 0 || !peer_.knows_kernel())
      return;
    const uint32_t from = packet.sequence - peer_.kernel_base();
    if ((packet.tcp_flags & 2) != 0 || from > 1u << 24) return;
    const std::span<const uint8_t> octets =
        frame.subspan(packet.payload_offset, packet.payload_octets);
    for (size_t i = 0; i < octets.size(); ++i)
      if (octets[i] != static_cast<uint8_t>(written_at(from + i)))
        wrong_ = "the peer has what nobody wrote";
    arrived_.push_back(from + octets.size());
  }
  // Inline the peer has only what was read before, and let go.
  void judge_arrived() {
    for (const uint64_t end : std::exchange(arrived_, {}))
      if (is_inline() && std::ranges::none_of(parsers_.flows(), [end](const Inspected& flow) {
            return flow.may_leave_pod(end);
          }))
        wrong_ = "the peer has octets that nobody judged";
  }
  void from_peer(const std::string& packet) {
    receive(false, {}, packet);
    if (!is_inline())
      world_.tunnel.write({}, {reinterpret_cast<const uint8_t*>(packet.data()), packet.size()});
    exchange();
  }
  // What the engine let go, and what the kernel says to it, until nobody has more to say.
  void exchange() {
    for (bool is_busy = true; is_busy && wrong_.empty();) {
      is_busy = emitted();
      wire::VnetHeader vnet;
      std::string packet;
      while (world_.tunnel.read(vnet, packet)) {
        if (!is_of_case(packet)) continue;
        is_busy = true;
        receive(true, vnet, packet);
        if (!is_inline()) to_peer(vnet, packet);
      }
      is_busy = program_.read() || is_busy;
      for (const engine_test::Event& event : world_.ring.all)
        if (world_.is_traced) trace(event);
      const std::string wrong = parsers_.take(std::exchange(world_.ring.all, {}));
      if (!wrong.empty()) wrong_ = wrong;
      judge_arrived();
      if (++exchanges_ > kMostExchanges) wrong_ = "never quiet";
    }
  }
  bool emitted() {
    bool any = false;
    for (const engine_test::Sent& sent : std::exchange(world_.frames.all, {})) {
      any = true;
      if (world_.is_traced) trace(sent.to_pod ? "to pod   " : "to peer  ", sent.vnet, sent.frame);
      if (!is_inline()) continue;  // vbr-neuv drops it
      const std::span<const uint8_t> packet =
          std::span(sent.frame).subspan(std::min<size_t>(kEthernetOctets, sent.frame.size()));
      wire::VnetHeader moved = sent.vnet;
      if ((moved.flags & wire::kNeedsCsum) != 0) moved.csum_start -= kEthernetOctets;
      if (moved.hdr_len > 0) moved.hdr_len -= kEthernetOctets;
      if (sent.to_pod)
        world_.tunnel.write(moved, packet);
      else
        to_peer(moved, {packet.begin(), packet.end()});
    }
    return any;
  }
  // The kernel repeats itself to peers of earlier cases.
  bool is_of_case(const std::string& packet) const {
    const size_t at = ends_.family == 4 ? 16 : 24;
    return packet.compare(at, ends_.peer.size(), ends_.peer) == 0;
  }
  void settle(bool all) {
    exchange();
    for (;;) {
      const std::vector<engine::CommandHeader> commands = parsers_.due(all);
      for (const engine::CommandHeader& command : commands) {
        parsers_.given(command);
        world_.engine->command(command, {}, world_.now_ns);
        exchange();
      }
      if (!all || commands.empty()) return;
    }
  }
  void finish() {
    program_.pause(false);
    settle(true);
    program_.acknowledge();
    settle(true);
    world_.now_ns += 50 * kMillisecond;
    world_.engine->tick(world_.now_ns);
    settle(true);
    retell();
    peer_.renumber(0 - renumbered_);
    retell();
  }
  // What was read, and is not acknowledged, the sender says again with a new time: octets of a SYN
  // (RFC 7413 §4.2.2), what PAWS refused, and its end with them.
  void retell() {
    if (!is_inline() || parsers_.flows().empty()) return;
    const Inspected& flow = parsers_.flows().back();
    const std::string& told = flow.toward_pod();
    const Connection none;
    const Connection& to = program_.connections().empty() ? none : program_.connections().back();
    const size_t got = to.received.size();
    const int64_t end = peer_.origin() + static_cast<int64_t>(told.size());
    const bool lacks_end = flow.has_ended_toward_pod() && has_end_at(case_, end) && !to.has_ended;
    if (got > told.size() || (got == told.size() && !lacks_end)) return;
    Step again = {.at = end - static_cast<int64_t>(told.size() - got)};
    again.flags = lacks_end ? kAck | kFin : kAck;
    if (is_stamped(case_)) again.options = Options::kFarTimestamp;
    for (const std::string& packet : peer_.packets(again, told.substr(got))) from_peer(packet);
    settle(true);
  }
  std::string compare() const;

  World& world_;
  const Case& case_;
  Ends ends_;
  Peer peer_;
  Program program_;
  Parsers parsers_;
  bool has_reset_ = false;         // the kernel told the peer that there is no such connection
  std::vector<uint64_t> arrived_;  // ends of the kernel's octets that just reached the peer
  uint32_t renumbered_ = 0;
  uint32_t exchanges_ = 0;
  uint64_t given_up_;  // what the counters say of earlier cases
  uint64_t contradictions_;
  std::string wrong_;
};

std::string Run::compare() const {
  const auto counted = [&](engine::Counter counter, uint64_t before) {
    return world_.engine->counter(counter) - before;
  };
  if (counted(engine::Counter::kOutOfOrderLimit, given_up_) < parsers_.gaps())
    return "gaps that nobody counted";
  const bool is_contradicted =
      !is_inline() && counted(engine::Counter::kContradiction, contradictions_) > 0;
  return differential::compare(parsers_, program_, {has_reset_, is_contradicted});
}

}  // namespace

World::World() {
  const engine::Limits limits = {.flows = 64};
  engine = engine::Engine::create(limits, {1, 2}, frames, ring, nullptr);
  auto table = std::make_shared<engine_test::FixedTable>();
  table->by_port = {{kUndecidedPort, {engine::L4Verdict::kUndecided, 0}}};
  engine->set_policy(table, now_ns);
  for (const uint8_t family : {uint8_t{4}, uint8_t{6}})
    for (const bool allowed : {false, true})
      listeners[family == 4 ? 0 : 1][allowed] =
          listen_on(family, allowed ? kAllowedPort : kUndecidedPort);
}

Outcome run_case(World& world, const Case& one) { return Run(world, one).run(); }

}  // namespace vethwall::differential
