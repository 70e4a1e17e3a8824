// What the parser was given and what the sockets delivered must be the same in the end.
#pragma once
#include <string>

#include "differential/judge.h"
#include "differential/program.h"

namespace vethwall::differential {

// What differs; empty: nothing. `has_reset`: one end told the other that it has no connection.
std::string compare(const Parsers& parsers, const Program& program, bool has_reset);

}  // namespace vethwall::differential
