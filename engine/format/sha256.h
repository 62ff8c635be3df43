// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace engine::format {

// SHA-256 (FIPS 180-4) of bytes that come piece by piece.
class Sha256
{
public:
    enum class Instructions : std::uint8_t
    {
        best,     // the processor's own for SHA, where it has them: many times as fast
        portable, // the definition
    };
    explicit Sha256(Instructions instructions = Instructions::best);

    void add(std::span<const std::byte> bytes);
    // 64 hexadecimal digits, in lower case. Nothing may be added afterwards.
    std::string finish();

private:
    using State = std::array<std::uint32_t, 8>;
    // Both take whole blocks of 64 bytes.
    static void add_portably(State& state, std::span<const std::byte> blocks);
    static void add_in_hardware(State& state, std::span<const std::byte> blocks);

    void (*m_add_blocks)(State&, std::span<const std::byte>);
    State m_state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                     0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    std::array<std::byte, 64> m_rest = {}; // of an incomplete block
    std::uint64_t m_bytes = 0;
};

} // namespace engine::format
