// A known stream, cut, reordered, repeated and contradicted as the input says, through an inline
// engine whose judge releases what it is told. What a simple receiver makes of the emitted frames
// must be what was delivered, octet for octet, and nothing that was not released.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "test/engine_net.h"

using namespace vethwall;
using namespace vethwall::engine_test;

namespace {

constexpr size_t kStream = 4096;

void require(bool holds) {
  if (!holds) std::abort();
}

char octet_at(uint64_t offset) { return static_cast<char>('a' + offset % 23); }

class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  bool empty() const { return at_ >= size_; }
  uint8_t u8() { return empty() ? uint8_t{0} : data_[at_++]; }
  uint16_t u16() { return static_cast<uint16_t>(u8() << 8 | u8()); }

 private:
  const uint8_t* data_;
  size_t size_;
  size_t at_ = 0;
};

// Keeps the first octet that it gets at each offset, as long as all agree; what it has
// acknowledged it reads no more.
struct Receiver {
  size_t acknowledged = 0;
  std::vector<int> octets = std::vector<int>(2 * kStream, -1);
  void take(const Sent& sent) {
    if (sent.to_pod || sent.has(kSyn)) return;
    const uint32_t from = sent.packet.sequence - (kClientIsn + 1);
    const std::string payload = sent.payload();
    for (size_t i = 0; i < payload.size(); ++i) {
      const size_t at = size_t{from} + i;
      if (at < acknowledged || at >= octets.size()) continue;
      const int octet = static_cast<uint8_t>(payload[i]);
      require(octets[at] == -1 || octets[at] == octet);
      octets[at] = octet;
    }
  }
  uint32_t contiguous() const {
    size_t end = 0;
    while (end < octets.size() && octets[end] != -1) ++end;
    return static_cast<uint32_t>(end);
  }
};

class Case {
 public:
  explicit Case(uint8_t family) : net_(family, {.limits = {.flows = 4}}) {
    net_.handshake(kHttp);
    net_.forget();
  }
  void run(Input& input) {
    while (!input.empty()) step(input);
    for (uint32_t at = 0; at < kStream; at += 512) send(at, 512, false, 0);
    release(delivered_.size());
    check();
  }

 private:
  void step(Input& input) {
    const uint8_t what = input.u8();
    const uint32_t at = input.u16() % kStream;
    const auto octets = static_cast<uint32_t>(input.u8() * (what & 0x10 ? 8 : 1));
    switch (what % 6) {
      case 0:
      case 1:
      case 2:
        return send(at, octets, (what & 0x20) != 0, what & 0x40 ? kUrg : uint8_t{0});
      case 3:
        return release(std::min<size_t>(at, delivered_.size()));
      case 4:
        return acknowledge(std::min(receiver_.contiguous(), at));
      default:
        net_.need(Dir::kOrig, octets);
        net_.pass(kSecond / 100);
        return take();
    }
  }
  void send(uint32_t at, uint32_t octets, bool lies, uint8_t flags) {
    octets = std::min(octets, static_cast<uint32_t>(kStream) - at);
    std::string payload(octets, '?');
    for (uint32_t i = 0; i < octets; ++i) payload[i] = octet_at(at + i);
    if (lies && !payload.empty()) payload[payload.size() / 2] = '!';
    net_.client(kHttp, at, payload, 0, static_cast<uint8_t>(kAck | flags), {.urgent = 1});
    take();
  }
  void acknowledge(uint32_t at) {
    receiver_.acknowledged = std::max(receiver_.acknowledged, size_t{at});
    net_.server(kHttp, 0, {}, at);
    take();
  }
  void release(size_t up_to) {
    released_ = std::max(released_, up_to);
    net_.release(Dir::kOrig, up_to);
    take();
  }
  void take() {
    for (const Event& event : net_.events()) {
      if (event.header.kind != EventKind::kOctets) continue;
      require(event.header.at == delivered_.size());
      delivered_ += event.octets;
    }
    for (const Sent& sent : net_.frames()) {
      require(!sent.has(kUrg));
      receiver_.take(sent);
    }
  }
  void check() {
    for (size_t i = 0; i < receiver_.octets.size(); ++i) {
      if (receiver_.octets[i] == -1) continue;
      require(i < released_ && i < delivered_.size());
      require(receiver_.octets[i] == static_cast<uint8_t>(delivered_[i]));
    }
    require(receiver_.contiguous() == released_);
  }

  Net net_;
  Receiver receiver_;
  std::string delivered_;
  size_t released_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > 2048) return 0;
  Input input(data, size);
  Case(input.u8() % 2 == 0 ? 4 : 6).run(input);
  return 0;
}
