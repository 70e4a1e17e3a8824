#include "os/spread_filter.h"

#include <linux/if_ether.h>
#include <netinet/in.h>

#include <array>

namespace vethwall::os {
namespace {

// Of a frame; its outer VLAN tag, if any, is not in band (skb_vlan_untag).
constexpr uint32_t kIpAt = 14;
constexpr uint32_t kProtocol4At = kIpAt + 9;  // RFC 791 §3.1
constexpr uint32_t kFragment4At = kIpAt + 6;  //
constexpr uint32_t kSource4At = kIpAt + 12;   //
constexpr uint32_t kDestination4At = kIpAt + 16;
constexpr uint32_t kEnd4 = kIpAt + 20;
constexpr uint32_t kNext6At = kIpAt + 6;  // RFC 8200 §3
constexpr uint32_t kSource6At = kIpAt + 8;
constexpr uint32_t kDestination6At = kIpAt + 24;
constexpr uint32_t kEnd6 = kIpAt + 40;
constexpr uint32_t kPortsOctets = 4;
constexpr uint32_t kFragmentBits = 0x3fff;  // more fragments, offset
constexpr uint32_t kNegative = 0x80000000;
constexpr uint32_t kWholeFrame = 0xffffffff;
// Cells: an end's folded address, and its port.
enum Cell : uint32_t { kSource, kDestination, kSourcePort, kDestinationPort };
enum Label : uint8_t { kNext, kIp6, kPorts4, kPorts6, kMix, kOther, kDecide, kLabels };

// Jumps name labels, each of which lies ahead; finish() makes offsets of them.
class Assembler {
 public:
  void add(unsigned code, uint32_t k = 0) {
    code_.push_back({static_cast<uint16_t>(code), 0, 0, k});
  }
  void load(unsigned size, uint32_t at) { add(BPF_LD | size | BPF_ABS, at); }
  void load_cell(Cell cell) { add(BPF_LD | BPF_MEM, cell); }
  void store(Cell cell) { add(BPF_ST, cell); }
  void jump(unsigned test, uint32_t k, Label yes, Label no) {
    code_.push_back({static_cast<uint16_t>(BPF_JMP | test | BPF_K), yes, no, k});
  }
  void go(Label label) { add(BPF_JMP | BPF_JA, label); }
  void place(Label label) { places_[label] = code_.size(); }
  std::vector<sock_filter> finish() {
    for (size_t at = 0; at < code_.size(); at++) resolve(at);
    return std::move(code_);
  }

 private:
  size_t ahead(uint32_t label, size_t at) const {
    return label == kNext ? 0 : places_[label] - at - 1;
  }
  void resolve(size_t at) {
    sock_filter& op = code_[at];
    if (BPF_CLASS(op.code) != BPF_JMP) return;
    if (BPF_OP(op.code) == BPF_JA) {
      op.k = static_cast<uint32_t>(ahead(op.k, at));
    } else {
      op.jt = static_cast<uint8_t>(ahead(op.jt, at));
      op.jf = static_cast<uint8_t>(ahead(op.jf, at));
    }
  }
  std::vector<sock_filter> code_;
  std::array<size_t, kLabels> places_ = {};
};

void load_length(Assembler& code) { code.add(BPF_LD | BPF_W | BPF_LEN); }

void mix(Assembler& code) {
  code.add(BPF_MISC | BPF_TAX);
  code.add(BPF_ALU | BPF_RSH | BPF_K, 16);
  code.add(BPF_ALU | BPF_XOR | BPF_X);
  code.add(BPF_ALU | BPF_MUL | BPF_K, wire::kSpreadMix);
  code.add(BPF_MISC | BPF_TAX);
  code.add(BPF_ALU | BPF_RSH | BPF_K, 13);
  code.add(BPF_ALU | BPF_XOR | BPF_X);
}

void fold_v6(Assembler& code, uint32_t at, Cell cell) {
  code.load(BPF_W, at);
  for (uint32_t word = 1; word < 4; word++) {
    code.add(BPF_ALU | BPF_MUL | BPF_K, wire::kSpreadFold);
    code.add(BPF_MISC | BPF_TAX);
    code.load(BPF_W, at + 4 * word);
    code.add(BPF_ALU | BPF_ADD | BPF_X);
  }
  code.store(cell);
}

// A load beyond the frame would end the program, and the frame: lengths are looked at first.
void read_v4(Assembler& code) {
  load_length(code);
  code.jump(BPF_JGE, kEnd4, kNext, kOther);
  code.load(BPF_W, kSource4At);
  code.store(kSource);
  code.load(BPF_W, kDestination4At);
  code.store(kDestination);
  code.load(BPF_H, kFragment4At);
  code.jump(BPF_JSET, kFragmentBits, kMix, kNext);
  code.load(BPF_B, kProtocol4At);
  code.jump(BPF_JEQ, IPPROTO_TCP, kPorts4, kNext);
  code.jump(BPF_JEQ, IPPROTO_UDP, kNext, kMix);
  code.place(kPorts4);
  code.add(BPF_LDX | BPF_B | BPF_MSH, kIpAt);  // X: the header's octets
  load_length(code);
  code.add(BPF_ALU | BPF_SUB | BPF_X);
  code.add(BPF_ALU | BPF_SUB | BPF_K, kIpAt + kPortsOctets);
  code.jump(BPF_JSET, kNegative, kMix, kNext);
  code.add(BPF_LD | BPF_H | BPF_IND, kIpAt);
  code.store(kSourcePort);
  code.add(BPF_LD | BPF_H | BPF_IND, kIpAt + 2);
  code.store(kDestinationPort);
  code.go(kMix);
}

void read_v6(Assembler& code) {
  load_length(code);
  code.jump(BPF_JGE, kEnd6, kNext, kOther);
  fold_v6(code, kSource6At, kSource);
  fold_v6(code, kDestination6At, kDestination);
  code.load(BPF_B, kNext6At);
  code.jump(BPF_JEQ, IPPROTO_TCP, kPorts6, kNext);
  code.jump(BPF_JEQ, IPPROTO_UDP, kNext, kMix);
  code.place(kPorts6);
  load_length(code);
  code.jump(BPF_JGE, kEnd6 + kPortsOctets, kNext, kMix);
  code.load(BPF_H, kEnd6);
  code.store(kSourcePort);
  code.load(BPF_H, kEnd6 + 2);
  code.store(kDestinationPort);
}

void mix_end(Assembler& code, Cell address, Cell port, uint32_t seed) {
  code.load_cell(address);
  code.add(BPF_ALU | BPF_MUL | BPF_K, wire::kSpreadFold);
  code.add(BPF_LDX | BPF_MEM, port);
  code.add(BPF_ALU | BPF_ADD | BPF_X);
  code.add(BPF_ALU | BPF_ADD | BPF_K, seed);
  mix(code);
  code.store(address);
}

}  // namespace

std::vector<sock_filter> spread_filter(const wire::Spread& spread, uint32_t shard) {
  Assembler code;
  // The kernel refuses cells that were not written.
  code.add(BPF_LD | BPF_IMM, 0);
  code.store(kSourcePort);
  code.store(kDestinationPort);
  code.load(BPF_W, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_PROTOCOL));
  code.jump(BPF_JEQ, ETH_P_IPV6, kIp6, kNext);
  code.jump(BPF_JEQ, ETH_P_IP, kNext, kOther);
  read_v4(code);
  code.place(kIp6);
  read_v6(code);
  code.place(kMix);
  mix_end(code, kSource, kSourcePort, spread.seed);
  mix_end(code, kDestination, kDestinationPort, spread.seed);
  code.add(BPF_LDX | BPF_MEM, kSource);
  code.add(BPF_ALU | BPF_ADD | BPF_X);
  mix(code);
  code.add(BPF_ALU | BPF_MOD | BPF_K, spread.shards);
  code.go(kDecide);
  code.place(kOther);
  code.add(BPF_LD | BPF_IMM, 0);
  code.place(kDecide);
  code.add(BPF_JMP | BPF_JEQ | BPF_K, shard);
  std::vector<sock_filter> program = code.finish();
  program.back().jt = 0;
  program.back().jf = 1;
  program.push_back({BPF_RET | BPF_K, 0, 0, kWholeFrame});
  program.push_back({BPF_RET | BPF_K, 0, 0, 0});
  return program;
}

}  // namespace vethwall::os
