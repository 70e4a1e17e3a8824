// The interpreter that the launchers name in their first line: `#!LIB/bin/launch PROGRAM` runs
// LIB/bin/node LIB/PROGRAM/index.js, `#!LIB/bin/launch PROGRAM OPTION…` the same with up to two
// options of Node's, a space before each. The runtime's environment may steer Node (NODE_OPTIONS,
// NODE_EXTRA_CA_CERTS) or the loader (LD_*): only what the programs read is handed on. Linked
// statically, so that nothing steers this either.
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr int kCannotRun = 127;
// Of Node's, at most.
constexpr size_t kOptions = 2;
char kPath[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// The plugin's, of the CNI specification and of Go's skel; dpd's, of the service manager; dpctl's.
constexpr std::array<const char*, 11> kHandedOn = {
    "CNI_COMMAND=", "CNI_CONTAINERID=",    "CNI_NETNS=",     "CNI_IFNAME=",    "CNI_ARGS=",
    "CNI_PATH=",    "CNI_NETNS_OVERRIDE=", "NOTIFY_SOCKET=", "WATCHDOG_USEC=", "TERM=",
    "COLUMNS=",
};

using Environment = std::array<char*, kHandedOn.size() + 2>;

// The first of each name counts, as it does for getenv.
Environment handed_on(char** environment) {
  Environment kept = {kPath};
  size_t count = 1;
  for (const char* name : kHandedOn) {
    for (char** entry = environment; *entry != nullptr; entry++) {
      if (std::strncmp(*entry, name, std::strlen(name)) != 0) continue;
      kept[count++] = *entry;
      break;
    }
  }
  return kept;
}

int complain(const char* subject, const char* what) {
  std::fprintf(stderr, "vethwall: %s: %s\n", subject, what);
  return kCannotRun;
}

}  // namespace

// As the kernel calls an interpreter: its own path, the rest of the first line as one word, the
// launcher's path.
int main(int argc, char** argv) {
  if (argc < 3) return complain("launch", "to be named in a #! line");
  const char* slash = std::strrchr(argv[0], '/');
  const int folder_octets = slash == nullptr ? 0 : static_cast<int>(slash - argv[0]) + 1;
  const char* program = std::strtok(argv[1], " ");
  if (program == nullptr) return complain("launch", "to be told which program");
  std::array<char, PATH_MAX> node;
  std::array<char, PATH_MAX> script;
  const int node_octets =
      std::snprintf(node.data(), node.size(), "%.*snode", folder_octets, argv[0]);
  const int script_octets = std::snprintf(script.data(), script.size(), "%.*s../%s/index.js",
                                          folder_octets, argv[0], program);
  if (node_octets >= PATH_MAX || script_octets >= PATH_MAX) {
    return complain(argv[0], std::strerror(ENAMETOOLONG));
  }
  Environment environment = handed_on(environ);
  // Node and script in place of the first three, a null pointer behind all. Gone with this program;
  // a std::vector would link what throws.
  const auto arguments =
      static_cast<char**>(std::calloc(static_cast<size_t>(argc) + kOptions + 1, sizeof(char*)));
  if (arguments == nullptr) return complain(argv[0], std::strerror(ENOMEM));
  size_t count = 0;
  arguments[count++] = node.data();
  for (size_t i = 0; i < kOptions; i++) {
    char* option = std::strtok(nullptr, " ");
    if (option == nullptr) break;
    arguments[count++] = option;
  }
  arguments[count++] = script.data();
  for (int i = 3; i < argc; i++) arguments[count++] = argv[i];
  ::execve(node.data(), arguments, environment.data());
  return complain(node.data(), std::strerror(errno));
}
