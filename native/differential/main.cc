// differential [--seed N] [--cases N] [--corpus FOLDER] [--trace] [CASE FILE…]: kept cases first,
// then random ones; a failing one is made smaller, printed and kept. TAP.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "differential/case.h"
#include "differential/run.h"
#include "os/fault.h"

using namespace vethwall;
using namespace vethwall::differential;

namespace {

// So many differing cases are enough to look at.
constexpr uint32_t kMostFailures = 5;

struct Arguments {
  uint64_t seed = 1;
  uint64_t cases = 1000;
  std::string corpus;
  bool is_traced = false;
  std::vector<std::string> files;
};

Arguments arguments_of(int count, char** words) {
  Arguments out;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    if (word == "--seed" && i + 1 < count)
      out.seed = std::stoull(words[++i]);
    else if (word == "--cases" && i + 1 < count)
      out.cases = std::stoull(words[++i]);
    else if (word == "--corpus" && i + 1 < count)
      out.corpus = words[++i];
    else if (word == "--trace")
      out.is_traced = true;
    else
      out.files.push_back(word);
  }
  return out;
}

// What is wrong, without the octets.
std::string kind_of(const std::string& why) { return why.substr(0, why.find('\'')); }

// Without each step that it doesn't need to fail in the same way.
Case smaller(World& world, Case one, const std::string& kind) {
  for (bool is_smaller = true; is_smaller;) {
    is_smaller = false;
    for (size_t i = one.steps.size(); i-- > 0;) {
      Case less = one;
      less.steps.erase(less.steps.begin() + static_cast<ptrdiff_t>(i));
      if (less.steps.empty() || kind_of(run_case(world, less).wrong) != kind) continue;
      one = less;
      is_smaller = true;
    }
  }
  return one;
}

void print_lines(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) std::printf("#   %s\n", line.c_str());
}

void keep(const std::string& folder, const Case& one, const std::string& why) {
  if (folder.empty()) return;
  std::ofstream file(folder + "/seed-" + std::to_string(one.seed) + ".case");
  file << "# " << why << '\n' << text_of(one);
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class Report {
 public:
  void point(bool ok, const std::string& name) {
    std::printf("%s %u - %s\n", ok ? "ok" : "not ok", ++number_, name.c_str());
    std::fflush(stdout);
    if (!ok) ++failed_;
  }
  bool has_failed() const { return failed_ > 0; }
  ~Report() { std::printf("1..%u\n", number_); }

 private:
  uint32_t number_ = 0, failed_ = 0;
};

void replay(World& world, const std::filesystem::path& path, Report& report) {
  const std::optional<Case> one = case_of(read_file(path));
  Outcome outcome = one ? run_case(world, *one) : Outcome{"is no case"};
  std::string& wrong = outcome.wrong;
  // Two empty streams are equal.
  if (wrong.empty() && outcome.received == 0) wrong = "nothing was delivered";
  if (!wrong.empty()) std::printf("# %s\n", wrong.c_str());
  report.point(wrong.empty(), path.stem().string());
}

void run_random(World& world, const Arguments& arguments, Report& report) {
  const auto begin = std::chrono::steady_clock::now();
  uint32_t failures = 0;
  uint64_t done = 0;
  for (; done < arguments.cases && failures < kMostFailures; ++done) {
    const uint64_t seed = arguments.seed + done;
    const Case one = generate(seed);
    const std::string wrong = run_case(world, one).wrong;
    if (wrong.empty()) continue;
    ++failures;
    std::printf("# seed %llu: %s\n", static_cast<unsigned long long>(seed), wrong.c_str());
    const Case least = smaller(world, one, kind_of(wrong));
    const std::string why = run_case(world, least).wrong;
    std::printf("# made smaller: %s\n", why.c_str());
    print_lines(text_of(least));
    keep(arguments.corpus, least, why);
  }
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - begin);
  report.point(failures == 0, std::to_string(done) + " random cases from seed " +
                                  std::to_string(arguments.seed) + " in " +
                                  std::to_string(took.count()) + " ms");
}

int run(const Arguments& arguments) {
  World world;
  world.is_traced = arguments.is_traced;
  Report report;
  std::vector<std::filesystem::path> kept(arguments.files.begin(), arguments.files.end());
  if (!arguments.corpus.empty())
    for (const auto& entry : std::filesystem::directory_iterator(arguments.corpus))
      if (entry.path().extension() == ".case") kept.push_back(entry.path());
  std::sort(kept.begin(), kept.end());
  for (const auto& path : kept) replay(world, path, report);
  if (arguments.cases > 0) run_random(world, arguments, report);
  return report.has_failed() ? 1 : 0;
}

}  // namespace

int main(int count, char** words) {
  std::printf("TAP version 14\n");
  try {
    return run(arguments_of(count, words));
  } catch (const os::Fault& fault) {
    std::printf("not ok - %s %s: errno %d\n", fault.syscall.c_str(), fault.subject.c_str(),
                fault.error);
    return 1;
  }
}
