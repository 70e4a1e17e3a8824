// `*` is any run of characters.
#include "policy/name_pattern.h"
#include "test/tap.h"

using vethwall::policy::matches_name;

TEST(without_a_star_the_name_is_the_pattern) {
  CHECK(matches_name("a.example", "a.example"));
  CHECK(!matches_name("a.example", "b.a.example"));
  CHECK(!matches_name("a.example", "a.example.b"));
  CHECK(matches_name("", ""));
}

TEST(a_star_is_any_run) {
  CHECK(matches_name("*", ""));
  CHECK(matches_name("*.example", "a.b.example"));
  CHECK(!matches_name("*.example", "example"));
  CHECK(matches_name("a*", "a"));
  CHECK(matches_name("a*c*e", "abcde"));
  CHECK(!matches_name("a*c*e", "aec"));
}

TEST(parts_never_share_characters) {
  CHECK(!matches_name("ab*ba", "aba"));
  CHECK(matches_name("ab*ba", "abba"));
  CHECK(!matches_name("a*b*b", "ab"));
  CHECK(matches_name("a*aab", "aaab"));
}

TAP_MAIN()
