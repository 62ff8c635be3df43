// SPDX-License-Identifier: MIT
// Where the programs find what ships with them. No Qt, so that both programs share it.
#pragma once

#include <filesystem>
#include <string_view>

namespace app {

// The model that ships with the program: beside the executable, in its installation
// (../share/fathom/starter), or in the source tree it was built from. Where there is none, the path it would
// be installed at.
std::filesystem::path starterModel();

// What a MODEL argument names: the word "starter", or a file or folder.
std::filesystem::path modelPath(std::string_view argument);

} // namespace app
