// SPDX-License-Identifier: MIT
#pragma once

#include "engine/text/jinja/syntax.h"
#include "engine/text/jinja/work.h"

namespace engine::text::jinja {

// What a parsed template writes, given these names. Throws as Template::render does.
Text interpret(const Block& block, Map variables, Work& work);

} // namespace engine::text::jinja
