// SPDX-License-Identifier: MIT
#include "app/common/paths.h"

#include <system_error>

namespace app {

namespace fs = std::filesystem;

fs::path starterModel()
{
    std::error_code error;
    const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
    const fs::path installed = folder.parent_path() / "share" / "fathom" / "starter" / "starter.gguf";
    for (const fs::path& place : {folder / "starter.gguf", installed,
                                  fs::path(FATHOM_SOURCE_DIR) / "resources" / "starter" / "starter.gguf"})
        if (fs::exists(place, error))
            return place;
    return installed;
}

fs::path modelPath(std::string_view argument)
{
    return argument == "starter" ? starterModel() : fs::path(argument);
}

} // namespace app
