// The engine's settings from their JavaScript form.
#pragma once
#include <napi.h>

#include <array>
#include <memory>

#include "engine/engine.h"
#include "policy/l4_table.h"

namespace vethwall::addon {

constexpr uint64_t kNsPerMs = 1'000'000;

// Below 2^53.
uint64_t uint64_of(const Napi::Value& value);
// A limit that is absent keeps the engine's default.
engine::Limits limits_of(const Napi::Object& object);
// 16 octets.
std::array<uint64_t, 2> key_of(const Napi::Value& value);
engine::EndpointConfig endpoint_of(const Napi::Object& object);
// Throws the Error that names what is wrong with the block.
std::unique_ptr<policy::Table> table_of(const Napi::Value& block,
                                        std::shared_ptr<const policy::LearnedNames> names);

}  // namespace vethwall::addon
