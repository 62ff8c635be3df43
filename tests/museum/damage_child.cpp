// SPDX-License-Identifier: MIT
// damage_child MODEL FILE cut|flip FIRST STEP: loads MODEL again and again, each time with another byte of
// the header of FILE missing (cut) or another bit of it turned (flip), and lets what loads answer. Prints how
// many loaded. Fails where anything but a clear sentence refuses a file, and dies where an attempt takes more
// than 256 MiB or 10 s.
#include "engine/error.h"
#include "engine/format/gguf.h"
#include "engine/format/safetensors.h"
#include "engine/text/utf8.h"
#include "tests/museum/answering.h"

#include <fmt/format.h>

#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <fstream>
#include <iostream>
#include <string_view>

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// Of computing, since a machine may be busy. 0: no limit.
void limit_time(time_t seconds)
{
    const itimerval timer{{}, {seconds, 0}};
    setitimer(ITIMER_PROF, &timer, nullptr);
}

// A sanitizer's shadow takes terabytes of addresses, so memory is limited without one alone.
void limit_memory()
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    std::ifstream statm("/proc/self/statm");
    rlim_t pages = 0;
    statm >> pages;
    const rlim_t most = pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) + (rlim_t{256} << 20);
    const rlimit limit{most, most};
    setrlimit(RLIMIT_AS, &limit);
#endif
}

std::string read(const fs::path& path)
{
    const engine::format::MappedFile file(path);
    return std::string(file.text());
}

void write(const fs::path& path, std::string_view bytes)
{
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

// Bytes before the first tensor's.
std::size_t header_size(const fs::path& path)
{
    const auto first_of = [](const auto& format) {
        const auto all = format.files().front().bytes();
        std::size_t first = all.size();
        for (const engine::format::TensorInfo& tensor : format.tensors().all())
            first = std::min(first, static_cast<std::size_t>(tensor.bytes.data() - all.data()));
        return first;
    };
    return path.extension() == ".gguf" ? first_of(engine::format::Gguf(path))
                                       : first_of(engine::format::Safetensors(path));
}

// Whether the sentence can be shown to a person who is to find the file.
bool is_clear(std::string_view sentence, const fs::path& model)
{
    return sentence.find(model.string()) != sentence.npos && engine::text::is_valid_utf8(sentence) &&
           std::ranges::none_of(sentence, [](unsigned char c) { return c < 0x20 || c == 0x7F; });
}

enum class End
{
    refused,
    loaded
};

End attempt(const fs::path& model)
{
    try {
        const std::unique_ptr<engine::Engine> engine = museum::load(model);
        const museum::Answer end = museum::answer(*engine);
        if (!end.result && !is_clear(end.failure, model))
            throw std::logic_error("an unclear failure: " + end.failure);
        return End::loaded;
    } catch (const engine::Error& error) {
        if (!is_clear(error.what(), model))
            throw std::logic_error(std::string("an unclear refusal: ") + error.what());
        return End::refused;
    }
}

std::size_t number(std::string_view text)
{
    std::size_t value = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc())
        throw std::runtime_error("expected a number, found " + std::string(text));
    return value;
}

int run(const fs::path& model, const fs::path& file, bool cuts, std::size_t first, std::size_t step)
{
    const std::string whole = read(file);
    const std::size_t header = header_size(file);
    if (attempt(model) != End::loaded)
        throw std::runtime_error("the undamaged model does not load");
    limit_memory();
    int loaded = 0;
    int refused = 0;
    double slowest = 0;
    for (std::size_t i = first; i < (cuts ? header : 8 * header); i += step) {
        std::string bytes = cuts ? whole.substr(0, i) : whole;
        if (!cuts)
            bytes[i / 8] = static_cast<char>(bytes[i / 8] ^ (1 << i % 8));
        write(file, bytes);
        const Clock::time_point start = Clock::now();
        limit_time(10);
        try {
            const End end = attempt(model);
            if (cuts && end == End::loaded)
                throw std::logic_error("a file without its tensors was accepted");
            ++(end == End::loaded ? loaded : refused);
        } catch (const std::exception& error) {
            std::cerr << fmt::format("{} {}: {}\n", cuts ? "cut at byte" : "bit", i, error.what());
            return 1;
        }
        limit_time(0);
        slowest = std::max(slowest, std::chrono::duration<double>(Clock::now() - start).count());
    }
    write(file, whole);
    std::cout << fmt::format("{} loaded, {} refused, the slowest in {:.0f} ms\n", loaded, refused,
                             slowest * 1000);
    return 0;
}

} // namespace

int main(int argc, char** argv)
{
    if (argc != 6) {
        std::cerr << "usage: damage_child MODEL FILE cut|flip FIRST STEP\n";
        return 2;
    }
    try {
        return run(argv[1], argv[2], argv[3] == std::string_view("cut"), number(argv[4]), number(argv[5]));
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
