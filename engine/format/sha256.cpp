// SPDX-License-Identifier: MIT
#include "engine/format/sha256.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>
#endif

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

constexpr std::size_t block_bytes = 64;

bool has_sha_instructions()
{
#ifdef __x86_64__
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    constexpr unsigned sha = 1u << 29;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & sha) != 0 && __builtin_cpu_supports("sse4.1");
#else
    return false;
#endif
}

} // namespace

Sha256::Sha256(Instructions instructions)
    : m_add_blocks(instructions == Instructions::best && has_sha_instructions() ? add_in_hardware
                                                                                : add_portably)
{
}

void Sha256::add_portably(State& state, std::span<const std::byte> blocks)
{
    for (; !blocks.empty(); blocks = blocks.subspan(block_bytes)) {
        std::uint32_t words[64];
        for (int i = 0; i < 16; ++i)
            words[i] = big_endian(blocks.data() + 4 * i);
        for (int i = 16; i < 64; ++i) {
            const std::uint32_t a = words[i - 15];
            const std::uint32_t b = words[i - 2];
            words[i] = words[i - 16] + (std::rotr(a, 7) ^ std::rotr(a, 18) ^ (a >> 3)) + words[i - 7] +
                       (std::rotr(b, 17) ^ std::rotr(b, 19) ^ (b >> 10));
        }
        auto [a, b, c, d, e, f, g, h] = state;
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
        for (std::size_t i = 0; i < state.size(); ++i)
            state[i] += last[i];
    }
}

#ifdef __x86_64__
// The instructions work on the state as (F, E, B, A) and (H, G, D, C), lowest lane first, do two rounds each
// and make four words of the schedule at a time.
__attribute__((target("sha,sse4.1,ssse3"))) void Sha256::add_in_hardware(State& state,
                                                                         std::span<const std::byte> blocks)
{
    const auto lane = [](std::uint32_t value) { return static_cast<int>(value); };
    __m128i abef = _mm_set_epi32(lane(state[0]), lane(state[1]), lane(state[4]), lane(state[5]));
    __m128i cdgh = _mm_set_epi32(lane(state[2]), lane(state[3]), lane(state[6]), lane(state[7]));
    const __m128i swap_bytes = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    for (; !blocks.empty(); blocks = blocks.subspan(block_bytes)) {
        const __m128i abef_before = abef;
        const __m128i cdgh_before = cdgh;
        __m128i words[16];
        for (std::size_t i = 0; i < 16; ++i) {
            if (i < 4) {
                const void* part = blocks.data() + 16 * i;
                words[i] = _mm_shuffle_epi8(_mm_loadu_si128(static_cast<const __m128i*>(part)), swap_bytes);
            } else {
                const __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(words[i - 4], words[i - 3]),
                                                  _mm_alignr_epi8(words[i - 1], words[i - 2], 4));
                words[i] = _mm_sha256msg2_epu32(sum, words[i - 1]);
            }
            const void* constants = round_constants + 4 * i;
            const __m128i sum =
                _mm_add_epi32(words[i], _mm_loadu_si128(static_cast<const __m128i*>(constants)));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    std::uint32_t first[4];
    std::uint32_t second[4];
    std::memcpy(first, &abef, sizeof first);
    std::memcpy(second, &cdgh, sizeof second);
    state = {first[3], first[2], second[3], second[2], first[1], first[0], second[1], second[0]};
}
#else
void Sha256::add_in_hardware(State& state, std::span<const std::byte> blocks)
{
    add_portably(state, blocks);
}
#endif

void Sha256::add(std::span<const std::byte> bytes)
{
    const std::size_t held = m_bytes % block_bytes;
    m_bytes += bytes.size();
    if (held > 0) {
        const std::size_t taken = std::min(bytes.size(), block_bytes - held);
        std::memcpy(m_rest.data() + held, bytes.data(), taken);
        bytes = bytes.subspan(taken);
        if (held + taken < block_bytes)
            return;
        m_add_blocks(m_state, m_rest);
    }
    const std::size_t whole = bytes.size() / block_bytes * block_bytes;
    m_add_blocks(m_state, bytes.first(whole));
    bytes = bytes.subspan(whole);
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
