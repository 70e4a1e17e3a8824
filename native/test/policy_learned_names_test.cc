// Names that addresses stand for, per endpoint.
#include "policy/learned_names.h"
#include "test/tap.h"

using namespace vethwall;
using policy::LearnedNames;

namespace {

constexpr uint16_t kPod = 7;
constexpr uint16_t kOther = 8;

wire::Address address(uint32_t number) {
  wire::Address made = {.family = 4};
  for (size_t i = 0; i < 4; ++i) made.octets[i] = static_cast<uint8_t>(number >> (24 - 8 * i));
  return made;
}

bool stands(const LearnedNames& names, uint16_t endpoint, uint32_t number, uint64_t at_ms,
            std::string_view wanted) {
  return names.any(endpoint, address(number), at_ms,
                   [&](std::string_view name) { return name == wanted; });
}

void learn(LearnedNames& names, uint32_t number, const std::string& name, uint64_t expires_ms,
           uint64_t now_ms = 1) {
  names.learn({kPod, address(number), {name, expires_ms}}, now_ms);
}

}  // namespace

TEST(a_name_stands_for_who_asked_until_it_expires) {
  LearnedNames names;
  learn(names, 1, "a.example", 100);
  CHECK(stands(names, kPod, 1, 99, "a.example"));
  CHECK(!stands(names, kPod, 1, 100, "a.example"));
  CHECK(!stands(names, kOther, 1, 99, "a.example"));
  CHECK(!stands(names, kPod, 2, 99, "a.example"));
  CHECK(!stands(names, kPod, 1, 99, "b.example"));
  CHECK(stands(names, kPod, 1, policy::kWheneverMs, "a.example"));
}

TEST(the_later_end_of_a_name_counts) {
  LearnedNames names;
  learn(names, 1, "a.example", 100);
  learn(names, 1, "a.example", 50);
  CHECK(stands(names, kPod, 1, 99, "a.example"));
  learn(names, 1, "a.example", 200);
  CHECK(stands(names, kPod, 1, 199, "a.example"));
  CHECK_EQ(names.records().size(), 1u);
}

TEST(an_address_has_several_names) {
  LearnedNames names;
  for (size_t i = 0; i < policy::kNamesOfAddressMax + 1; ++i)
    learn(names, 1, "n" + std::to_string(i) + ".example", 100 + i);
  CHECK(!stands(names, kPod, 1, 1, "n0.example"));
  CHECK(stands(names, kPod, 1, 1, "n1.example"));
  CHECK(stands(names, kPod, 1, 1, "n16.example"));
  CHECK_EQ(names.evicted(), 1u);
}

TEST(a_full_endpoint_loses_what_expires_first) {
  LearnedNames names;
  for (uint32_t i = 0; i < policy::kLearnedNamesMax; ++i)
    learn(names, i, "a.example", i == 500 ? 90 : 100);
  CHECK_EQ(names.evicted(), 0u);
  learn(names, 1'000'000, "b.example", 100);
  CHECK(!stands(names, kPod, 500, 1, "a.example"));
  CHECK(stands(names, kPod, 499, 1, "a.example"));
  CHECK(stands(names, kPod, 1'000'000, 1, "b.example"));
  CHECK_EQ(names.records().size(), policy::kLearnedNamesMax);
  CHECK_EQ(names.evicted(), 1u);
  // What had expired is no loss.
  learn(names, 2'000'000, "c.example", 300, 200);
  CHECK_EQ(names.evicted(), 1u);
  names.learn({kOther, address(1), {"a.example", 100}}, 1);
  CHECK_EQ(names.evicted(), 1u);
}

TEST(an_endpoint_that_is_gone_leaves_nothing) {
  LearnedNames names;
  learn(names, 1, "a.example", 100);
  names.learn({kOther, address(1), {"a.example", 100}}, 1);
  names.forget(kPod);
  CHECK(!stands(names, kPod, 1, 1, "a.example"));
  CHECK(stands(names, kOther, 1, 1, "a.example"));
  CHECK_EQ(names.records().size(), 1u);
}

TAP_MAIN()
