// SPDX-License-Identifier: MIT
#include "ui/model_scanner.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <set>
#include <system_error>

namespace ui {

namespace {

namespace fs = std::filesystem;

constexpr int most_levels = 6; // the Hugging Face cache needs 4: models--x--y/snapshots/<hash>
constexpr int most_entries = 50'000;
constexpr std::size_t most_config_bytes = 1 << 20;

bool isGguf(const std::string& name)
{
    return name.size() > 5 && name.ends_with(".gguf");
}

// "x-00002-of-00005.gguf" and so on: parts that the first one brings along.
bool isLaterShard(const std::string& name)
{
    const std::string stem = name.substr(0, name.size() - 5);
    const std::size_t of = stem.rfind("-of-");
    if (of == std::string::npos || of < 6 || stem[of - 6] != '-')
        return false;
    const std::string number = stem.substr(of - 5, 5);
    const auto digit = [](unsigned char c) { return std::isdigit(c) != 0; };
    return std::all_of(number.begin(), number.end(), digit) && number != "00001";
}

bool namesDeepSeek(const fs::path& config)
{
    std::ifstream file(config, std::ios::binary);
    std::string text(most_config_bytes, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text.find("deepseek") != std::string::npos;
}

class Search
{
public:
    explicit Search(const std::atomic<bool>& stop)
        : m_stop(stop)
    {
    }

    void look(const fs::path& folder, int level)
    {
        std::error_code error;
        const fs::path real = fs::canonical(folder, error);
        if (error || !m_visited.insert(real).second)
            return;
        if (fs::is_regular_file(folder / "config.json", error) && namesDeepSeek(folder / "config.json")) {
            found.push_back(folder);
            return;
        }
        std::vector<fs::path> folders;
        for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
             entry.increment(error)) {
            if (m_stop || ++m_entries > most_entries)
                return;
            const std::string name = entry->path().filename().string();
            std::error_code unreadable;
            if (entry->is_directory(unreadable)) { // follows a link
                if (name.front() != '.' && name != "blobs" && name != "refs")
                    folders.push_back(entry->path());
            } else if (isGguf(name) && !isLaterShard(name) && entry->is_regular_file(unreadable)) {
                found.push_back(entry->path());
            }
        }
        if (level >= most_levels)
            return;
        std::sort(folders.begin(), folders.end());
        for (const fs::path& inner : folders)
            look(inner, level + 1);
    }

    std::vector<fs::path> found;

private:
    const std::atomic<bool>& m_stop;
    std::set<fs::path> m_visited;
    int m_entries = 0;
};

} // namespace

std::vector<fs::path> findModels(const fs::path& folder, const std::atomic<bool>& stop)
{
    Search search(stop);
    try {
        search.look(folder, 0);
    } catch (const std::exception&) {
        // A name that cannot be taken in, or no memory for it: what was found so far.
    }
    std::sort(search.found.begin(), search.found.end());
    return std::move(search.found);
}

std::vector<FoundModel> inspectModels(const std::vector<fs::path>& paths,
                                      const std::function<decltype(engine::inspect)>& inspect,
                                      const std::atomic<bool>& stop)
{
    std::vector<FoundModel> models;
    for (const fs::path& path : paths) {
        if (stop)
            break;
        FoundModel model;
        model.path = path;
        try {
            model.info = inspect(path);
        } catch (const std::exception& error) {
            model.error = error.what();
        }
        models.push_back(std::move(model));
    }
    return models;
}

} // namespace ui
