// Well-formed and damaged policy blocks. What a block decides is held equal to the TypeScript
// evaluation by test/system/policy-differential.test.ts, through the addon.
#include <cstring>
#include <string>
#include <vector>

#include "policy/l4_table.h"
#include "tap.h"

namespace {

using namespace vethwall;

constexpr size_t kHeaderWords = 25;

// One endpoint 1, isolated for ingress, with one rule 16: allow from 10.0.0.0/8 to TCP 80.
std::vector<uint32_t> sample() {
  std::vector<uint32_t> words(kHeaderWords);
  const std::vector<std::vector<uint32_t>> sections = {
      {1, 1, 0, 0, 1, 0, 0},
      {16, 0, 1, 0, 1, 0xffffffff, 0xffffffff},
      {0},
      {6, 80u | 80u << 16},
      {0, 0, 0, 0, 0, 1, 0, 0},
      {0x0a000000, 0x0affffff},
      {},
      {},
      {},
  };
  const std::vector<uint32_t> counts = {1, 1, 1, 1, 2, 1, 0, 0, 0};
  for (size_t i = 0; i < sections.size(); ++i) {
    words[7 + i * 2] = static_cast<uint32_t>(words.size() * 4);
    words[8 + i * 2] = counts[i];
    words.insert(words.end(), sections[i].begin(), sections[i].end());
  }
  words[0] = 0x344c5756;
  words[1] = 2u | 100u << 16;
  words[2] = static_cast<uint32_t>(words.size() * 4);
  words[4] = 7;
  return words;
}

void seal(std::vector<uint32_t>& words) {
  uint32_t hash = 0x811c9dc5;
  for (size_t i = 4; i < words.size(); ++i) hash = (hash ^ words[i]) * 0x01000193;
  words[3] = hash;
}

std::vector<uint8_t> octets_of(const std::vector<uint32_t>& words) {
  std::vector<uint8_t> octets(words.size() * 4);
  std::memcpy(octets.data(), words.data(), octets.size());
  return octets;
}

policy::Connection from(uint8_t first_octet, uint16_t port) {
  policy::Connection connection = {};
  connection.endpoint = 1;
  connection.pod_side = engine::PodSide::kReceiver;
  connection.protocol = 6;
  connection.destination_port = port;
  connection.source.family = 4;
  connection.source.octets = {first_octet, 1, 2, 3};
  connection.destination.family = 4;
  return connection;
}

}  // namespace

TEST(a_sound_block_is_loaded_and_judges) {
  std::vector<uint32_t> words = sample();
  seal(words);
  std::string error;
  const auto table = policy::load_table(octets_of(words), error);
  CHECK_EQ(error, "");
  CHECK(table != nullptr);
  if (table == nullptr) return;
  CHECK_EQ(table->generation(), 7u);
  CHECK_EQ(table->evaluate(from(10, 80)).rule, 16u);
  CHECK_EQ(table->evaluate(from(10, 81)).rule, 1u);
  CHECK_EQ(table->evaluate(from(11, 80)).rule, 1u);
}

TEST(an_unknown_endpoint_is_not_isolated) {
  std::vector<uint32_t> words = sample();
  seal(words);
  std::string error;
  const auto table = policy::load_table(octets_of(words), error);
  policy::Connection connection = from(10, 80);
  connection.endpoint = 2;
  CHECK_EQ(table->evaluate(connection).rule, 2u);
}

TEST(every_bit_flip_is_refused_with_a_reason) {
  std::vector<uint32_t> words = sample();
  seal(words);
  const std::vector<uint8_t> sound = octets_of(words);
  for (size_t bit = 0; bit < sound.size() * 8; ++bit) {
    std::vector<uint8_t> damaged = sound;
    damaged[bit / 8] = static_cast<uint8_t>(damaged[bit / 8] ^ (1u << (bit % 8)));
    std::string error;
    CHECK(policy::load_table(damaged, error) == nullptr);
    CHECK(!error.empty());
  }
}

TEST(every_cut_is_refused) {
  std::vector<uint32_t> words = sample();
  seal(words);
  const std::vector<uint8_t> sound = octets_of(words);
  for (size_t octets = 0; octets < sound.size(); ++octets) {
    std::string error;
    CHECK(policy::load_table(std::span(sound).first(octets), error) == nullptr);
  }
}

TEST(a_wrong_word_behind_a_right_checksum_never_leads_outside) {
  const std::vector<uint32_t> sound = sample();
  for (size_t word = 4; word < sound.size(); ++word) {
    for (const uint32_t value : {0u, 1u, 2u, 80u, 0x7fffffffu, 0xfffffffeu, 0xffffffffu}) {
      std::vector<uint32_t> words = sound;
      words[word] = value;
      seal(words);
      std::string error;
      const auto table = policy::load_table(octets_of(words), error);
      if (table == nullptr) continue;
      (void)table->evaluate(from(10, 80));
    }
  }
}

// Else an index of each endpoint's lists would be quadratic in the block.
TEST(lists_that_share_a_part_are_refused) {
  std::vector<uint32_t> words = sample();
  const size_t lists = words[11] / 4;
  // The ports behind it become its second entry: rule 0.
  words[12] = 2;
  words[lists + 1] = 0;
  words[kHeaderWords + 5] = 0;
  words[kHeaderWords + 6] = 2;
  seal(words);
  std::string error;
  CHECK(policy::load_table(octets_of(words), error) == nullptr);
  CHECK_EQ(error, "policy block: an endpoint has a field out of range");
}

TAP_MAIN()
