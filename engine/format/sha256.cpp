// SPDX-License-Identifier: MIT
#include "engine/format/sha256.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace engine::format {

namespace {

// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
constexpr std::uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

std::uint32_t big_endian(const std::byte* bytes)
{
    std::uint32_t word = 0;
    for (int i = 0; i < 4; ++i)
        word = word << 8 | static_cast<std::uint32_t>(bytes[i]);
    return word;
}

} // namespace

void Sha256::add_block(const std::byte* block)
{
    std::uint32_t words[64];
    for (int i = 0; i < 16; ++i)
        words[i] = big_endian(block + 4 * i);
    for (int i = 16; i < 64; ++i) {
        const std::uint32_t a = words[i - 15];
        const std::uint32_t b = words[i - 2];
        words[i] = words[i - 16] + (std::rotr(a, 7) ^ std::rotr(a, 18) ^ (a >> 3)) + words[i - 7] +
                   (std::rotr(b, 17) ^ std::rotr(b, 19) ^ (b >> 10));
    }
    auto [a, b, c, d, e, f, g, h] = m_state;
    for (int i = 0; i < 64; ++i) {
        const std::uint32_t first = h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) +
                                    ((e & f) ^ (~e & g)) + round_constants[i] + words[i];
        const std::uint32_t second =
            (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
        h = g;
        g = f;
        f = e;
        e = d + first;
        d = c;
        c = b;
        b = a;
        a = first + second;
    }
    const std::uint32_t last[8] = {a, b, c, d, e, f, g, h};
    for (std::size_t i = 0; i < m_state.size(); ++i)
        m_state[i] += last[i];
}

void Sha256::add(std::span<const std::byte> bytes)
{
    const std::size_t held = m_bytes % m_rest.size();
    m_bytes += bytes.size();
    if (held > 0) {
        const std::size_t taken = std::min(bytes.size(), m_rest.size() - held);
        std::memcpy(m_rest.data() + held, bytes.data(), taken);
        bytes = bytes.subspan(taken);
        if (held + taken < m_rest.size())
            return;
        add_block(m_rest.data());
    }
    for (; bytes.size() >= m_rest.size(); bytes = bytes.subspan(m_rest.size()))
        add_block(bytes.data());
    if (!bytes.empty())
        std::memcpy(m_rest.data(), bytes.data(), bytes.size());
}

std::string Sha256::finish()
{
    // A one bit, zeros, and the length in bits as the last eight bytes of a block.
    const std::uint64_t bits = 8 * m_bytes;
    std::array<std::byte, 72> end = {std::byte{0x80}};
    const std::size_t zeros = (119 - m_bytes % 64) % 64;
    for (std::size_t i = 0; i < 8; ++i)
        end[1 + zeros + i] = static_cast<std::byte>(bits >> (56 - 8 * i));
    add(std::span(end).first(1 + zeros + 8));
    std::string digits;
    for (const std::uint32_t word : m_state)
        digits += fmt::format("{:08x}", word);
    return digits;
}

} // namespace engine::format
