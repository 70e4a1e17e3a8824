// Stores of learned names, from their JavaScript form.
#pragma once
#include <napi.h>

#include <memory>

#include "policy/learned_names.h"

namespace vethwall::addon {

// Of all shards and all threads of the process.
const std::shared_ptr<policy::LearnedNames>& shared_names();
std::shared_ptr<policy::LearnedNames> names_of(const Napi::Value& value);

}  // namespace vethwall::addon
