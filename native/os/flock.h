// flock(2) with a time limit.
#pragma once

namespace vethwall::os {

// LOCK_EX, waited for at most `timeout_ms` and some 20 ms; who came first gets it first. false =
// somebody else has it.
bool lock_exclusive(int fd, int timeout_ms);

}  // namespace vethwall::os
