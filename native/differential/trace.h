// What passes, as TAP comments.
#pragma once
#include <string>

#include "test/engine_recorder.h"
#include "wire/packet.h"

namespace vethwall::differential {

void trace(const char* what, const wire::VnetHeader& vnet, wire::Frame frame);
void trace(const engine_test::Event& event);

}  // namespace vethwall::differential
