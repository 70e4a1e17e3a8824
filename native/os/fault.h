// The one way an operating-system call reports failure outside the packet path: thrown, and turned
// into the JavaScript `OsError` at the addon's boundary.
#pragma once
#include <cerrno>
#include <string>
#include <utility>

namespace vethwall::os {

struct Fault {
  int error;  // errno
  std::string syscall;
  std::string subject;
  std::string detail;
};

[[noreturn]] inline void fail(int error, const char* syscall, std::string subject,
                              std::string detail = {}) {
  throw Fault{error, syscall, std::move(subject), std::move(detail)};
}
// For calls that return -1 and set errno.
template <typename Result>
Result check(Result result, const char* syscall, const std::string& subject) {
  if (result < 0) fail(errno, syscall, subject);
  return result;
}

}  // namespace vethwall::os
