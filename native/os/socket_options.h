// setsockopt(2), as os::Fault where it fails.
#pragma once

namespace vethwall::os {

void set_option(int fd, int level, int option, int value, const char* name);
// Of a receive or send buffer (socket(7)): `forced` needs CAP_NET_ADMIN in the initial user
// namespace, `ordinary` is capped by net.core.{r,w}mem_max.
void set_buffer(int fd, int forced, int ordinary, int octets, const char* name);

}  // namespace vethwall::os
