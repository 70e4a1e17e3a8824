// Frames, commands and time in any order: no crash, no frame out of tap, nothing left over.
#include <algorithm>
#include <cstdlib>

#include "test/engine_tunnel.h"

using namespace vethwall;
using namespace vethwall::engine_test;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  bool empty() const { return at_ >= size_; }
  uint8_t u8() { return empty() ? uint8_t{0} : data_[at_++]; }
  uint16_t u16() { return static_cast<uint16_t>(u8() << 8 | u8()); }
  std::string octets(size_t count) {
    count = std::min(count, size_ - at_);
    std::string out(reinterpret_cast<const char*>(data_) + at_, count);
    at_ += count;
    return out;
  }

 private:
  const uint8_t* data_;
  size_t size_;
  size_t at_ = 0;
};

class Case {
 public:
  Case(uint8_t family, const Setup& setup) : net_(family, setup) { net_.queue = &queue_; }
  void run(Input& input) {
    while (!input.empty()) {
      step(input);
      net_.events();
      const bool sent = !net_.frames().empty();
      require(!sent || net_.config.path == EndpointPath::kInline || changed_);
      changed_ = false;
    }
    net_.engine->remove_endpoint(kEndpoint, net_.now);
    require(net_.engine->flows() == 0);
    require(net_.counter(Counter::kHeldOctets) == 0);
    // Each packet was settled, once; in tap none was dropped.
    require(queue_.waiting() == 0 && tap::failures() == 0);
    require(!always_tap_ || queue_.dropped() == 0);
  }

 private:
  static constexpr uint16_t kPorts[] = {kAllowed, kDenied, kHttp, kDns};

  void step(Input& input) {
    const uint8_t what = input.u8();
    const uint16_t port = kPorts[what >> 6];
    switch (what % 12) {
      case 0:
        return net_.handshake(port, what & 0x20 ? 7 : -1);
      case 1:
      case 2:
      case 3:
        return tcp(input, port);
      case 4:
        return net_.udp((what & 0x20) != 0, port, input.octets(input.u8()));
      case 5:
        if ((what & 0x10) != 0) return tunnelled(input, port, (what & 0x20) != 0);
        return net_.receive((what & 0x20) != 0, frame(input, (what & 0x20) != 0));
      case 6:
      case 7:
        return command(input);
      case 8:
        return net_.pass(uint64_t{1} << (input.u8() % 42));
      case 9:
        return control(input, port);
      case 10:
        net_.ring.room = what & 0x20 ? -1 : input.u8() % 4;
        return;
      default:
        return net_.icmp((what & 0x20) != 0, input.u8(), input.u8(), input.octets(input.u8()));
    }
  }
  void tcp(Input& input, uint16_t port) {
    const uint8_t flags = input.u8();
    const bool from_pod = (input.u8() & 1) != 0;
    const uint32_t at = input.u16(), acked = input.u16();
    const std::string payload = input.octets(input.u8());
    const uint32_t own = from_pod ? kClientIsn : kServerIsn;
    const uint32_t other = from_pod ? kServerIsn : kClientIsn;
    net_.tcp(from_pod, port, flags, own + at % 512, other + acked % 512, payload,
             {.window = static_cast<uint16_t>(at), .urgent = static_cast<uint16_t>(acked)});
  }
  void tunnelled(Input& input, uint16_t port, bool from_pod) {
    const uint8_t how = input.u8();
    const Overlay overlay{net_, how & 1 ? uint8_t{6} : uint8_t{4}, uint32_t{how & 2u}};
    const uint16_t at = input.u16();
    const std::string payload = input.octets(input.u8());
    if ((how & 4) != 0) {
      const std::string inner = overlay.frame(from_pod, payload);
      overlay.receive(from_pod, overlay.in_vxlan(from_pod, inner));
    } else if ((how & 8) != 0) {
      overlay.udp(from_pod, port, payload);
    } else if ((how & 16) != 0) {
      overlay.handshake(port);
    } else {
      const uint32_t own = from_pod ? kClientIsn : kServerIsn;
      const uint32_t other = from_pod ? kServerIsn : kClientIsn;
      overlay.tcp(from_pod, port, input.u8(), own + at % 512, other + at / 512, payload);
    }
  }
  std::string frame(Input& input, bool from_pod) {
    const uint8_t kind = input.u8();
    const std::string body = input.octets(input.u8());
    if (kind % 4 == 0) return ethernet_octets(from_pod, kEndpoint, 0, input.u16(), body);
    IpFields fields{net_.family, kind};
    fields.has_fragment_header = kind % 4 == 1;
    fields.fragment = kind % 4 == 1 ? input.u16() : uint16_t{0};
    fields.identification = kind & 0x10;
    return net_.ip(from_pod, fields, body);
  }
  void command(Input& input) {
    const uint8_t what = input.u8();
    engine::CommandHeader command =
        net_.make(static_cast<CommandKind>(what % 6), what & 8 ? Dir::kReply : Dir::kOrig,
                  what & 16 ? engine::kToEnd - input.u8() : input.u16() % 600);
    command.answer = static_cast<Answer>(input.u8() % 3);
    command.then = what & 32 ? engine::Then::kContinue : engine::Then::kClose;
    command.count = what & 64 ? engine::kToEnd : input.u8();
    command.verdict = what & 128 ? 1 : 2;
    command.flow -= input.u8() % 4;
    net_.send(command, input.octets(input.u8() % 64));
  }
  void control(Input& input, uint16_t port) {
    const uint8_t what = input.u8();
    const auto verdict = static_cast<L4Verdict>(what % 3);
    if (what & 0x80) return net_.change_policy(port, {verdict, kRule});
    changed_ = true;
    net_.config.check_sources = (what & 2) != 0;
    always_tap_ = false;
    net_.set_path(what & 1 ? EndpointPath::kTap : EndpointPath::kInline);
  }

  TicketQueue queue_;  // outlives the net's tickets
  Net net_;
  bool changed_ = false;
  bool always_tap_ = net_.config.path == EndpointPath::kTap;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > 4096) return 0;
  Input input(data, size);
  const uint8_t how = input.u8();
  Setup setup = {};
  setup.path = how & 1 ? EndpointPath::kTap : EndpointPath::kInline;
  setup.failure = how & 2 ? Took::kOpen : Took::kClosed;
  setup.strict = (how & 4) != 0;
  setup.deliver_all = (how & 8) != 0;
  setup.limits.flows = how & 16 ? 3 : 64;
  setup.limits.hold_octets_total = how & 32 ? 4000 : 1u << 20;
  setup.limits.out_of_order_octets = 1000;
  Case(how & 64 ? 6 : 4, setup).run(input);
  return 0;
}
