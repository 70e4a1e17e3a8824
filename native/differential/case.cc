#include "differential/case.h"

#include <algorithm>
#include <sstream>

namespace vethwall::differential {
namespace {

template <typename Kind>
bool read_kind(std::istream& in, Kind& out) {
  unsigned value = 0;
  if (!(in >> value) || value >= static_cast<unsigned>(Kind::kCount)) return false;
  out = static_cast<Kind>(value);
  return true;
}

template <typename Number>
bool read_octet(std::istream& in, Number& out) {
  unsigned value = 0;
  if (!(in >> value) || value > 255) return false;
  out = static_cast<Number>(value);
  return true;
}

bool read_step(std::istream& in, Step& step) {
  return read_kind(in, step.kind) && in >> step.at >> step.octets >> step.fill &&
         read_octet(in, step.flags) &&
         in >> step.acknowledges >> step.window >> step.urgent >> step.fragment &&
         read_kind(in, step.options) && read_kind(in, step.damage) &&
         read_kind(in, step.carriage) && step.octets <= 65535 && step.fragment >= 8;
}

}  // namespace

bool has_end_at(const Case& one, int64_t at) {
  return std::ranges::any_of(one.steps, [at](const Step& step) {
    return (step.flags & 1) != 0 && step.at + step.octets == at;
  });
}

bool is_stamped(const Case& one) {
  return std::ranges::any_of(one.steps,
                             [](const Step& step) { return step.options >= Options::kTimestamp; });
}

std::string text_of(const Case& one) {
  std::ostringstream out;
  out << "case " << one.seed << ' ' << +one.family << ' ' << +static_cast<uint8_t>(one.opener)
      << ' ' << +static_cast<uint8_t>(one.judge) << ' ' << one.settle_octets << '\n';
  for (const Step& step : one.steps)
    out << +static_cast<uint8_t>(step.kind) << ' ' << step.at << ' ' << step.octets << ' '
        << step.fill << ' ' << +step.flags << ' ' << step.acknowledges << ' ' << step.window << ' '
        << step.urgent << ' ' << step.fragment << ' ' << +static_cast<uint8_t>(step.options) << ' '
        << +static_cast<uint8_t>(step.damage) << ' ' << +static_cast<uint8_t>(step.carriage)
        << '\n';
  return out.str();
}

std::optional<Case> case_of(const std::string& text) {
  std::istringstream lines(text);
  std::string line, word;
  Case one;
  while (std::getline(lines, line)) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream in(line);
    if (line.starts_with("case ")) {
      if (!(in >> word >> one.seed) || !read_octet(in, one.family)) return {};
      if (!read_octet(in, one.opener) || !read_kind(in, one.judge)) return {};
      if (!(in >> one.settle_octets) || (one.family != 4 && one.family != 6)) return {};
      continue;
    }
    Step step;
    if (!read_step(in, step)) return {};
    one.steps.push_back(step);
  }
  if (one.steps.empty()) return {};
  return one;
}

}  // namespace vethwall::differential
