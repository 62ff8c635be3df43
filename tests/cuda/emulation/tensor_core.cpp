// SPDX-License-Identifier: MIT
#include "tests/cuda/emulation/tensor_core.h"

#include "kernels/quant/float16.h"

#include <cstring>

namespace emulation {

namespace {

constexpr unsigned whole_warp = 0xffffffffu;

struct Factors
{
    float* d;
    const std::uint32_t* a;
    const std::uint32_t* b;
};

float low(std::uint32_t word)
{
    return kernels::bf16_to_f32(static_cast<std::uint16_t>(word));
}
float high(std::uint32_t word)
{
    return kernels::bf16_to_f32(static_cast<std::uint16_t>(word >> 16));
}

void finish_mma(void* const (&brought)[32], unsigned, const Place&)
{
    float a[16][16];
    float b[16][8];
    float d[16][8];
    for (int lane = 0; lane < 32; ++lane) {
        const auto& mine = *static_cast<const Factors*>(brought[lane]);
        const int g = lane / 4;
        const int t = 2 * (lane % 4);
        for (int i = 0; i < 4; ++i) {
            const int row = g + 8 * (i % 2);
            const int column = t + 8 * (i / 2);
            a[row][column] = low(mine.a[i]);
            a[row][column + 1] = high(mine.a[i]);
            d[g + 8 * (i / 2)][t + i % 2] = mine.d[i];
        }
        for (int i = 0; i < 2; ++i) {
            b[t + 8 * i][g] = low(mine.b[i]);
            b[t + 8 * i + 1][g] = high(mine.b[i]);
        }
    }
    for (int row = 0; row < 16; ++row) {
        for (int k = 0; k < 16; ++k) {
            for (int column = 0; column < 8; ++column)
                d[row][column] += a[row][k] * b[k][column];
        }
    }
    for (int lane = 0; lane < 32; ++lane) {
        const auto& mine = *static_cast<const Factors*>(brought[lane]);
        for (int i = 0; i < 4; ++i)
            mine.d[i] = d[lane / 4 + 8 * (i / 2)][2 * (lane % 4) + i % 2];
    }
}

struct Rows
{
    const void* address; // of the row that this lane names
    std::uint32_t* r;
};

template <int matrices, bool is_transposed>
void finish_load(void* const (&brought)[32], unsigned, const Place& place)
{
    std::uint16_t matrix[matrices][8][8];
    for (int i = 0; i < 8 * matrices; ++i) {
        const void* address = static_cast<const Rows*>(brought[i])->address;
        if (reinterpret_cast<std::uintptr_t>(address) % 16 != 0)
            fault("the matrix row of lane " + std::to_string(i) + " is not aligned to 16 bytes", place);
        std::memcpy(matrix[i / 8][i % 8], address, 16);
    }
    for (int lane = 0; lane < 32; ++lane) {
        const int g = lane / 4;
        const int t = 2 * (lane % 4);
        for (int i = 0; i < matrices; ++i) {
            const std::uint32_t first = is_transposed ? matrix[i][t][g] : matrix[i][g][t];
            const std::uint32_t second = is_transposed ? matrix[i][t + 1][g] : matrix[i][g][t + 1];
            static_cast<const Rows*>(brought[lane])->r[i] = first | second << 16;
        }
    }
}

template <int matrices, bool is_transposed>
void load(std::uint32_t* r, const void* shared, const Place& place)
{
    Rows rows{shared, r};
    meet(whole_warp, finish_load<matrices, is_transposed>, &rows, place);
}

} // namespace

void mma_bf16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2], const Place& place)
{
    Factors factors{d, a, b};
    meet(whole_warp, finish_mma, &factors, place);
}

void load_matrix_x4(std::uint32_t (&r)[4], const void* shared, const Place& place)
{
    load<4, false>(r, shared, place);
}

void load_matrix_x4_transposed(std::uint32_t (&r)[4], const void* shared, const Place& place)
{
    load<4, true>(r, shared, place);
}

void load_matrix_x2(std::uint32_t (&r)[2], const void* shared, const Place& place)
{
    load<2, false>(r, shared, place);
}

void load_matrix_x2_transposed(std::uint32_t (&r)[2], const void* shared, const Place& place)
{
    load<2, true>(r, shared, place);
}

} // namespace emulation
