// What the parser was given and what the sockets delivered must be the same in the end.
#pragma once
#include <string>

#include "differential/judge.h"
#include "differential/program.h"

namespace vethwall::differential {

struct Circumstances {
  bool has_reset;        // one end told the other that it has no connection
  bool is_contradicted;  // a tap counted other octets at the same offset that waited
};

// What differs; empty: nothing.
std::string compare(const Parsers& parsers, const Program& program, Circumstances circumstances);

}  // namespace vethwall::differential
