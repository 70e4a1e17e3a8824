// Random cases that stay near what a connection does, so that most steps mean something.
#include <algorithm>
#include <iterator>

#include "differential/case.h"
#include "engine/tcp_flags.h"

namespace vethwall::differential {
namespace {

using engine::kAck, engine::kFin, engine::kPsh, engine::kRst, engine::kSyn, engine::kUrg;

// What a case plays with: few at a time, else it ends before it begins.
struct Theme {
  bool lies, disorder, stamps, options, damage, fragments, resets, ends, urgent, syns, acks,
      windows, pauses;
};

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {
    one_.seed = seed;
    one_.family = random_.one_in(2) ? 4 : 6;
    one_.opener = random_.one_in(4) ? Opener::kKernel : Opener::kPeer;
    one_.judge = static_cast<Judge>(random_.below(static_cast<uint32_t>(Judge::kCount)));
    one_.settle_octets = random_.below(200);
    const auto some = [&] { return random_.one_in(4); };
    theme_ = {random_.one_in(2),
              random_.one_in(2),
              random_.one_in(3),
              some(),
              some(),
              some(),
              some(),
              random_.one_in(3),
              some(),
              some(),
              some(),
              some(),
              some()};
  }
  Case make() {
    open();
    const uint32_t steps = 4 + random_.below(20);
    for (uint32_t i = 0; i < steps; ++i) step();
    if (one_.opener == Opener::kPeer && random_.one_in(8)) reopen();
    return one_;
  }

 private:
  void add(const Step& step) { one_.steps.push_back(step); }
  void act(StepKind kind, uint32_t octets = 0) { add({.kind = kind, .octets = octets}); }
  Options usual() const { return theme_.stamps ? Options::kTimestamp : Options::kUsual; }

  void open() {
    front_ = 0;
    return one_.opener == Opener::kPeer ? open_from_peer() : open_from_kernel();
  }
  void open_from_peer() {
    Step syn = {.flags = kSyn, .options = random_.one_in(6) ? Options::kNone : usual()};
    if (theme_.syns && random_.one_in(2)) {
      syn.octets = random_.below(40);
      syn.options = random_.one_in(2) ? Options::kFastOpen : Options::kFalseCookie;
    }
    add(syn);
    if (theme_.syns && random_.one_in(3)) add(syn);
    if (theme_.syns && random_.one_in(3)) {
      add({.kind = StepKind::kRenumber, .at = static_cast<int64_t>(random_.below(100000)) - 50000});
      add(syn);
    }
    if (syn.octets > 0 && random_.one_in(2)) front_ = syn.octets;
    Step ack = segment(front_, 0, 0);
    if (random_.one_in(4)) ack.octets = random_.below(50);
    if (!random_.one_in(12)) add(ack);
    front_ += ack.octets;
  }
  void open_from_kernel() {
    act(StepKind::kConnect);
    Step answer = {.flags = kSyn | kAck, .options = usual()};
    const uint32_t way = theme_.syns ? random_.below(5) : 0;
    if (way == 1) answer.octets = random_.below(30);
    if (way == 2) add({.flags = kSyn, .options = usual()});
    if (way == 3) add(segment(0, 0, 0));
    if (way == 4) {
      // Split: a bare SYN, and then what acknowledges the kernel's.
      add({.octets = random_.below(20), .flags = kSyn, .options = usual()});
      return add(segment(0, random_.below(20), 0));
    }
    add(answer);
  }
  // The same ports once more, after whatever became of the connection.
  void reopen() {
    if (random_.one_in(2)) act(StepKind::kRelease);
    const int64_t by = random_.one_in(2) ? 100000 : -100000;
    add({.kind = StepKind::kRenumber, .at = random_.one_in(3) ? 0 : by});
    open();
    for (uint32_t i = random_.below(6); i > 0; --i) step();
  }

  Step segment(int64_t at, uint32_t octets, uint32_t fill) {
    Step out = {.at = at, .octets = octets, .fill = fill};
    out.flags = static_cast<uint8_t>(kAck | (random_.one_in(3) ? kPsh : 0));
    if (theme_.stamps) out.options = Options::kTimestamp;
    return out;
  }
  void step() {
    const uint32_t what = random_.below(20);
    if (what == 0) return act(StepKind::kWrite, 1 + random_.below(300));
    if (what == 1) return act(StepKind::kRelease);
    if (what == 2) return act(StepKind::kPass, random_.below(30));
    if (what == 3 && theme_.pauses)
      return act(random_.one_in(2) ? StepKind::kPause : StepKind::kResume);
    if (what == 4 && theme_.ends)
      return act(random_.one_in(3)   ? StepKind::kAbort
                 : random_.one_in(2) ? StepKind::kClose
                                     : StepKind::kShutdown);
    Step out = segment(front_, length(), 0);
    place(out);
    spoil(out);
    if (out.at == front_ && out.fill == 0 && out.damage == Damage::kNone) front_ += out.octets;
    add(out);
  }
  uint32_t length() {
    if (random_.one_in(8)) return 0;
    return random_.one_in(8) ? random_.below(1400) : 1 + random_.below(40);
  }
  void place(Step& out) {
    if (theme_.disorder && random_.one_in(2))
      out.at += static_cast<int64_t>(random_.below(100)) - 60;
    if (theme_.windows && random_.one_in(5)) out.at += far();
    if (random_.one_in(20)) {
      // A keep-alive (RFC 1122 §4.2.3.6), with or without its octet.
      out.at = front_ - 1;
      out.octets = random_.below(2);
    }
    if (theme_.lies && random_.one_in(3)) out.fill = 1 + random_.below(3);
  }
  int64_t far() {
    static constexpr int64_t kPlaces[] = {60000,  70000,   1 << 20,     1 << 30, -100,
                                          -70000, -200000, -(1 << 30),  64240,   65535,
                                          130000, 3000000, (1ll << 31), 31,      29000};
    return kPlaces[random_.below(std::size(kPlaces))];
  }
  template <typename Kind>
  Kind any(Kind first) {
    const auto from = static_cast<uint32_t>(first);
    return static_cast<Kind>(from + random_.below(static_cast<uint32_t>(Kind::kCount) - from));
  }
  void spoil(Step& out) {
    if (theme_.options && random_.one_in(4)) out.options = any(Options::kOldTimestamp);
    if (theme_.damage && random_.one_in(4)) out.damage = any(Damage::kChecksum);
    if (theme_.fragments && random_.one_in(2)) {
      out.carriage = any(Carriage::kInOrder);
      out.fragment = 8 + random_.below(6) * 8;
    }
    if (theme_.resets && random_.one_in(6)) {
      out.flags |= kRst;
      if (random_.one_in(2)) out.octets = 0;
    }
    if (theme_.ends && random_.one_in(6)) out.flags |= kFin;
    if (theme_.syns && random_.one_in(8)) out.flags |= kSyn;
    if (theme_.urgent && random_.one_in(3)) {
      out.flags |= kUrg;
      out.urgent = static_cast<uint16_t>(random_.below(60));
    }
    if (theme_.acks && random_.one_in(3)) {
      if (random_.one_in(4)) out.flags &= static_cast<uint8_t>(~kAck);
      static constexpr int64_t kAcks[] = {1, 100, 70000, 1 << 30, -1, -100, -70000, -(1 << 30)};
      out.acknowledges = kAcks[random_.below(std::size(kAcks))];
    }
    if (theme_.windows && random_.one_in(6)) out.window = static_cast<uint16_t>(random_.below(9));
  }

  Random random_;
  Theme theme_ = {};
  Case one_;
  int64_t front_ = 0;  // what an honest peer would send next
};

}  // namespace

Case generate(uint64_t seed) { return Generator(seed).make(); }

}  // namespace vethwall::differential
