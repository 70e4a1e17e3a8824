#include "os/socket_options.h"

#include <sys/socket.h>

#include "os/fault.h"

namespace vethwall::os {

void set_option(int fd, int level, int option, int value, const char* name) {
  check(::setsockopt(fd, level, option, &value, sizeof value), "setsockopt", name);
}

void set_buffer(int fd, int forced, int ordinary, int octets, const char* name) {
  if (::setsockopt(fd, SOL_SOCKET, forced, &octets, sizeof octets) == 0) return;
  set_option(fd, SOL_SOCKET, ordinary, octets, name);
}

}  // namespace vethwall::os
