// SPDX-License-Identifier: MIT
// Kernels have internal linkage, so the dynamic symbols that dladdr() knows do not hold them: the program's
// own table does.
#include "tests/cuda/emulation/symbol.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <vector>

#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>

namespace emulation {

namespace {

template <class T>
std::vector<T> read_table(const std::vector<char>& file, std::uint64_t at, std::uint64_t bytes)
{
    if (at > file.size() || bytes > file.size() - at)
        return {};
    std::vector<T> table(bytes / sizeof(T));
    std::memcpy(table.data(), file.data() + at, table.size() * sizeof(T));
    return table;
}

std::string mangled_name(const char* path, std::uint64_t offset)
{
    std::ifstream stream(path, std::ios::binary | std::ios::ate);
    if (!stream)
        return {};
    std::vector<char> file(static_cast<std::size_t>(stream.tellg()));
    stream.seekg(0);
    stream.read(file.data(), static_cast<std::streamsize>(file.size()));
    const auto header = read_table<Elf64_Ehdr>(file, 0, sizeof(Elf64_Ehdr));
    if (header.empty())
        return {};
    const auto sections =
        read_table<Elf64_Shdr>(file, header[0].e_shoff, header[0].e_shnum * sizeof(Elf64_Shdr));
    for (const Elf64_Shdr& section : sections) {
        if (section.sh_type != SHT_SYMTAB || section.sh_link >= sections.size())
            continue;
        const Elf64_Shdr& strings = sections[section.sh_link];
        for (const auto& symbol : read_table<Elf64_Sym>(file, section.sh_offset, section.sh_size)) {
            if (ELF64_ST_TYPE(symbol.st_info) == STT_FUNC && symbol.st_value == offset &&
                symbol.st_name < strings.sh_size)
                return file.data() + strings.sh_offset + symbol.st_name;
        }
    }
    return {};
}

} // namespace

std::string symbol_name(const void* function)
{
    Dl_info info{};
    if (dladdr(function, &info) == 0)
        return "?";
    const auto offset =
        reinterpret_cast<std::uint64_t>(function) - reinterpret_cast<std::uint64_t>(info.dli_fbase);
    const std::string mangled = mangled_name(info.dli_fname, offset);
    if (mangled.empty())
        return std::string(info.dli_fname) + "+" + std::to_string(offset);
    int status = 0;
    char* demangled = abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status);
    std::string name = status == 0 ? demangled : mangled;
    std::free(demangled);
    if (const auto parameters = name.rfind(")("); parameters != std::string::npos)
        name.erase(parameters + 1);
    const std::string anonymous = "(anonymous namespace)::";
    for (auto at = name.find(anonymous); at != std::string::npos; at = name.find(anonymous))
        name.erase(at, anonymous.size());
    return name.substr(0, name.find('('));
}

} // namespace emulation
