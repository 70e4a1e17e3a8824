// The smallest test harness that prints TAP 14: one point per TEST, failed checks as diagnostics.
#pragma once
#include <cstdio>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

namespace vethwall::tap {

struct Case {
  const char* name;
  void (*run)();
};

inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

inline int& failures() {
  static int count = 0;
  return count;
}

inline void fail(const char* file, int line, const std::string& what) {
  ++failures();
  std::printf("# %s:%d: %s\n", file, line, what.c_str());
}

// Enumerations and single octets print as numbers, everything else by its operator<<.
template <typename T>
std::string shown(const T& value) {
  std::ostringstream out;
  if constexpr (std::is_enum_v<T>) {
    out << static_cast<long long>(value);
  } else if constexpr (std::is_integral_v<T>) {
    out << +value;
  } else if constexpr (requires { out << value; }) {
    out << value;
  } else {
    out << "(unprintable)";
  }
  return out.str();
}

struct Registrar {
  Registrar(const char* name, void (*run)()) { cases().push_back({name, run}); }
};

inline int run_all() {
  std::printf("TAP version 14\n1..%zu\n", cases().size());
  size_t number = 0;
  for (const Case& test : cases()) {
    const int before = failures();
    test.run();
    std::printf("%s %zu - %s\n", failures() == before ? "ok" : "not ok", ++number, test.name);
    std::fflush(stdout);
  }
  return failures() == 0 ? 0 : 1;
}

}  // namespace vethwall::tap

#define TEST(name)                                                              \
  static void test_##name();                                                    \
  static const ::vethwall::tap::Registrar registrar_##name(#name, test_##name); \
  static void test_##name()
#define CHECK(condition) \
  ((condition) ? void() : ::vethwall::tap::fail(__FILE__, __LINE__, "not true: " #condition))
#define CHECK_EQ(got, wanted)                                                                 \
  [&](const auto& g, const auto& w) {                                                         \
    if (!(g == w))                                                                            \
      ::vethwall::tap::fail(                                                                  \
          __FILE__, __LINE__,                                                                 \
          #got " is " + ::vethwall::tap::shown(g) + ", wanted " + ::vethwall::tap::shown(w)); \
  }(got, wanted)
#define TAP_MAIN() \
  int main() { return ::vethwall::tap::run_all(); }
