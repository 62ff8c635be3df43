// SPDX-License-Identifier: MIT
// The functions, filters, tests and methods that templates have. There are no others: nothing of these
// reaches a file, the host or the inside of a value.
#pragma once

#include "engine/text/jinja/work.h"

#include <string>
#include <utility>
#include <vector>

namespace engine::text::jinja {

struct Arguments
{
    std::vector<Value> values;
    std::vector<std::pair<std::string, Value>> named;
};

// Each throws Error for a name or arguments that it does not know.
Value call_function(Work& work, const std::string& name, const Arguments& arguments);
Value call_method(Work& work, const Value& value, const std::string& name, const Arguments& arguments);
Value apply_filter(Work& work, const Value& value, const std::string& name, const Arguments& arguments);
bool test(Work& work, const Value& value, const std::string& name);

// value[key], undefined where there is none.
Value member(Work& work, const Value& value, const Value& key);
// value[begin:end]; undefined bounds are the ends.
Value slice(Work& work, const Value& value, const Value& begin, const Value& end);

} // namespace engine::text::jinja
