#include "os/rename.h"

#include <fcntl.h>

#include <cstdio>

#include "os/fault.h"

namespace vethwall::os {

void rename_exchange(const std::string& a, const std::string& b) {
  check(::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE), "renameat2", b);
}

}  // namespace vethwall::os
