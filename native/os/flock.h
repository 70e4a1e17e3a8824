// flock(2) with a time limit.
#pragma once

namespace vethwall::os {

// LOCK_EX, tried until `timeout_ms` is over; false = somebody else has it.
bool lock_exclusive(int fd, int timeout_ms);

}  // namespace vethwall::os
