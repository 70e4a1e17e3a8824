// A pod (the client), a peer and an engine between them, with a fixed policy: what the engine's
// tests are written in.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "test/engine_frame.h"
#include "test/engine_recorder.h"
#include "test/ticket_queue.h"
#include "wire/build.h"

namespace vethwall::engine_test {

using engine::Answer;
using engine::CommandKind;
using engine::Counter;
using engine::EndpointPath;
using engine::L4Verdict;
using engine::Took;

inline constexpr uint16_t kEndpoint = 7;
inline constexpr uint16_t kClientPort = 40000;
inline constexpr uint16_t kAllowed = 22, kDenied = 23, kHttp = 80, kDns = 53;
inline constexpr uint32_t kRule = 16, kDenyRule = 17, kJudgeRule = 18;
inline constexpr uint32_t kClientIsn = 0xfffffff0;  // sequence numbers wrap early
inline constexpr uint32_t kServerIsn = 5000;
inline constexpr uint8_t kFin = 1, kSyn = 2, kRst = 4, kAck = 16, kUrg = 32;
inline constexpr uint64_t kSecond = 1'000'000'000;

// By destination port; what is not listed is allowed.
class FixedTable : public policy::Table {
 public:
  uint32_t generation() const override { return generation_; }
  policy::Verdict evaluate(const policy::Connection& connection) const override {
    if (connection.protocol == IPPROTO_ICMP || connection.protocol == IPPROTO_ICMPV6) return icmp;
    const auto found = by_port.find(connection.destination_port);
    return found == by_port.end() ? policy::Verdict{L4Verdict::kAllow, kRule} : found->second;
  }
  std::map<uint16_t, policy::Verdict> by_port = {{kDenied, {L4Verdict::kDeny, kDenyRule}},
                                                 {kHttp, {L4Verdict::kUndecided, 0}},
                                                 {kDns, {L4Verdict::kUndecided, 0}}};
  policy::Verdict icmp = {L4Verdict::kAllow, kRule};
  uint32_t generation_ = 1;
};

struct Setup {
  EndpointPath path = EndpointPath::kInline;
  Took failure = Took::kClosed;
  bool strict = true;
  bool deliver_all = false;
  bool identifies = false;
  uint32_t epoch = 0;
  bool has_flow_map = true;
  engine::Limits limits = {};
};

class Net {
 public:
  explicit Net(uint8_t ip_family, const Setup& setup = {})
      : family(ip_family),
        config{kEndpoint, setup.path, setup.failure, setup.strict, setup.deliver_all} {
    config.epoch = setup.epoch;
    config.identifies = setup.identifies;
    engine = engine::Engine::create(setup.limits, {1, 2}, sink, ring,
                                    setup.has_flow_map ? &carried : nullptr);
    engine->set_endpoint(config, now);
    engine->set_policy(table, now);
  }

  void receive(bool from_pod, const std::string& frame, const wire::VnetHeader& vnet = {}) {
    const auto toward = from_pod ? wire::Toward::kNetwork : wire::Toward::kPod;
    engine->receive({config.id, toward, now, false, is_copy}, vnet,
                    {reinterpret_cast<const uint8_t*>(frame.data()), frame.size()},
                    queue == nullptr ? wire::Ticket{} : queue->issue());
  }
  // A copy of what the kernel carried.
  void copy(bool from_pod, uint16_t port, uint8_t flags, uint32_t sequence) {
    is_copy = true;
    tcp(from_pod, port, flags, sequence, 0);
    is_copy = false;
  }
  std::string ip(bool from_pod, const IpFields& fields, const std::string& l4) const {
    const std::string pod = pod_address(family), peer = peer_address(family);
    return ethernet_octets(from_pod, config.id, vlan, family == 4 ? 0x0800 : 0x86dd,
                           ip_octets(fields, from_pod ? pod : peer, from_pod ? peer : pod, l4));
  }
  void partial(bool from_pod, uint8_t protocol, uint16_t checksum_at, const std::string& l4,
               uint16_t gso_size = 0) {
    const std::string frame = ip(from_pod, {family, protocol}, l4);
    wire::VnetHeader vnet = {};
    vnet.flags = wire::kNeedsCsum;
    vnet.csum_start = static_cast<uint16_t>(frame.size() - l4.size());
    vnet.csum_offset = checksum_at;
    vnet.gso_size = gso_size;
    if (gso_size > 0) vnet.gso_type = family == 4 ? wire::kGsoTcp4 : wire::kGsoTcp6;
    if (gso_size > 0) vnet.hdr_len = static_cast<uint16_t>(vnet.csum_start + 20);
    receive(from_pod, frame, vnet);
  }
  void tcp(bool from_pod, uint16_t port, uint8_t flags, uint32_t sequence, uint32_t acknowledgement,
           std::string_view payload = {}, const TcpOptions& options = {}) {
    partial(from_pod, IPPROTO_TCP, 16,
            tcp_octets(from_pod ? client_port : port, from_pod ? port : client_port, flags,
                       sequence, acknowledgement, payload, options));
  }
  void udp(bool from_pod, uint16_t port, std::string_view payload) {
    partial(from_pod, IPPROTO_UDP, 6,
            udp_octets(from_pod ? client_port : port, from_pod ? port : client_port, payload));
  }
  void icmp(bool from_pod, uint8_t type, uint8_t code, const std::string& rest, uint8_t hops = 64) {
    const uint8_t protocol = family == 4 ? uint8_t{IPPROTO_ICMP} : uint8_t{IPPROTO_ICMPV6};
    const std::string pseudo = family == 4 ? std::string()
                                           : pod_address(6) + peer_address(6) +
                                                 be32(static_cast<uint32_t>(4 + rest.size())) +
                                                 be32(protocol);
    receive(from_pod,
            ip(from_pod, {family, protocol, hops}, icmp_octets(type, code, rest, pseudo)));
  }
  void echo(bool request, bool from_pod, uint16_t id = 9) {
    const uint8_t type = family == 4 ? (request ? 8 : 0) : (request ? 128 : 129);
    icmp(from_pod, type, 0, be16(id) + be16(1) + "ping");
  }

  // A connection by offsets: the client is the pod.
  void handshake(uint16_t port, int window_scale = -1) {
    const TcpOptions options{65535, window_scale};
    tcp(true, port, kSyn, kClientIsn, 0, {}, options);
    tcp(false, port, kSyn | kAck, kServerIsn, kClientIsn + 1, {}, options);
    tcp(true, port, kAck, kClientIsn + 1, kServerIsn + 1);
  }
  void client(uint16_t port, uint32_t offset, std::string_view payload, uint32_t server_offset = 0,
              uint8_t flags = kAck, const TcpOptions& options = {}) {
    tcp(true, port, flags, kClientIsn + 1 + offset, kServerIsn + 1 + server_offset, payload,
        options);
  }
  void server(uint16_t port, uint32_t offset, std::string_view payload, uint32_t client_offset,
              uint8_t flags = kAck, const TcpOptions& options = {}) {
    tcp(false, port, flags, kServerIsn + 1 + offset, kClientIsn + 1 + client_offset, payload,
        options);
  }

  // Commands of the table's generation, for the flow that opened last.
  engine::CommandHeader make(CommandKind kind, Dir dir = Dir::kOrig, uint64_t at = 0) const {
    engine::CommandHeader command = {};
    command.kind = kind;
    command.dir = dir;
    command.at = at;
    command.flow = ring.flow;
    command.generation = table->generation_;
    command.rule = kJudgeRule;
    return command;
  }
  void send(const engine::CommandHeader& command, std::string_view refusal = {}) {
    engine->command(command, {reinterpret_cast<const uint8_t*>(refusal.data()), refusal.size()},
                    now);
  }
  void release(Dir dir, uint64_t up_to) { send(make(CommandKind::kRelease, dir, up_to)); }
  void deny(Dir dir, uint64_t from, Answer answer, engine::Then then = engine::Then::kClose,
            std::string_view refusal = {}) {
    engine::CommandHeader command = make(CommandKind::kDeny, dir, from);
    command.answer = answer;
    command.then = then;
    send(command, refusal);
  }
  void settle(bool allow) {
    engine::CommandHeader command = make(CommandKind::kSettle);
    command.verdict = allow ? 1 : 2;
    send(command);
  }
  void skip(Dir dir, uint64_t from, uint64_t octets) {
    engine::CommandHeader command = make(CommandKind::kSkip, dir, from);
    command.count = octets;
    send(command);
  }
  void need(Dir dir, uint64_t octets) {
    engine::CommandHeader command = make(CommandKind::kNeed, dir);
    command.count = octets;
    send(command);
  }

  void set_path(EndpointPath path) {
    config.path = path;
    engine->set_endpoint(config, now);
  }
  // The same policy with one port changed, as a new generation.
  void change_policy(uint16_t port, policy::Verdict verdict) {
    auto changed = std::make_shared<FixedTable>(*table);
    changed->by_port[port] = verdict;
    ++changed->generation_;
    table = changed;
    engine->set_policy(table, now);
  }
  void pass(uint64_t ns) {
    now += ns;
    engine->tick(now);
  }
  uint64_t counter(Counter counter) const { return engine->counter(counter); }
  std::vector<Sent> frames() { return std::exchange(sink.all, {}); }
  Events events() { return std::exchange(ring.all, {}); }
  void forget() {
    sink.all.clear();
    ring.all.clear();
  }
  // What went on to one side, as payloads in order.
  std::string sent_payload(bool to_pod) const {
    std::string all;
    for (const Sent& sent : sink.all)
      if (sent.to_pod == to_pod) all += sent.payload();
    return all;
  }

  uint8_t family;
  bool is_copy = false;          // what is received now
  TicketQueue* queue = nullptr;  // where what is received waits
  engine::EndpointConfig config;
  std::shared_ptr<FixedTable> table = std::make_shared<FixedTable>();
  Frames sink;
  Ring ring;
  Carried carried;
  std::unique_ptr<engine::Engine> engine;
  uint64_t now = 1000 * kSecond;
  uint16_t client_port = kClientPort;
  uint16_t vlan = 0;
};

// Every case runs over both families.
template <typename Run>
void both(Run run) {
  for (const uint8_t family : {uint8_t{4}, uint8_t{6}}) run(family);
}

}  // namespace vethwall::engine_test
