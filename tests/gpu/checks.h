// SPDX-License-Identifier: MIT
// Every kernel against references in float64, at the shapes of the published models or at small ones.
#pragma once

#include "kernels/cuda/blas.h"
#include "kernels/cuda/runtime.h"
#include "tests/gpu/options.h"
#include "tests/gpu/report.h"
#include "tests/gpu/tensors.h"

#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

namespace gpu {

// The sizes that kernels see. Letters as in kernels/ops.h.
struct ModelShape
{
    const char* name = "";
    std::int64_t hidden = 0;   // d
    std::int64_t heads = 0;    // H
    std::int64_t nope = 0;     // P
    std::int64_t rope = 0;     // R
    std::int64_t value = 0;    // V
    std::int64_t latent = 0;   // C
    std::int64_t q_latent = 0; // Q, 0: none
    std::int64_t experts = 0;  // E
    std::int64_t held = 0;     // of them made for the checks of products: 160 of V2 would take 7.5 GB
    std::int64_t per_tok = 0;  // K
    std::int64_t groups = 1;
    std::int64_t topk_group = 1;
    std::int64_t width = 0;  // F
    std::int64_t shared = 0; // width of the shared expert
    std::int64_t dense = 0;
    std::int64_t vocabulary = 0;
};

std::vector<ModelShape> model_shapes(bool has_true_shapes);

constexpr kernels::Dtype all_dtypes[] = {kernels::Dtype::f32, kernels::Dtype::f16, kernels::Dtype::bf16,
                                         kernels::Dtype::q8_0};

// What all checks share.
class Checks
{
public:
    Checks(const kernels::cuda::Device& on, Report& report, const Clock& clock, bool true_shapes)
        : device(on)
        , has_true_shapes(true_shapes)
        , m_report(report)
        , m_clock(clock)
    {
    }

    // One row of the table. `compare` runs the kernel and adds what it gave to the Difference; the result is
    // right where it differs by at most `allowed`, as a part of the largest number and in 1 - cosine. A
    // Failure is a failed check, but a lost device ends the run.
    template <class F>
    void check(const std::string& kernel, const std::string& shape, const std::string& format, double allowed,
               const F& compare)
    {
        if (m_clock.seconds_left() <= 0.0) {
            m_report.row({kernel, shape, format, "", "", "", "", "not run: the time is up"});
            return;
        }
        try {
            Difference difference;
            compare(difference);
            const bool ok =
                difference.count() > 0 && difference.worst() <= allowed && difference.angle() <= allowed;
            m_report.verdict({kernel, shape, format, std::to_string(difference.count()),
                              fmt::format("{:.1e}", difference.worst()),
                              fmt::format("{:.1e}", difference.angle()), fmt::format("{:.0e}", allowed)},
                             ok);
        } catch (const kernels::cuda::Failure& failure) {
            m_report.verdict({kernel, shape, format, "", failure.what(), "", ""}, false);
            if (failure.kind == kernels::cuda::FailureKind::device_lost)
                throw;
        }
    }

    // Keys of random numbers, each used once.
    std::uint64_t key() { return ++m_key; }

    const kernels::cuda::Device& device;
    const bool has_true_shapes;

private:
    Report& m_report;
    const Clock& m_clock;
    std::uint64_t m_key = 0x5eed0000;
};

// Sums of fp32 in another order: a few roundings of 6e-8 for each of up to 16,384 terms, against the largest.
constexpr double fp32_tolerance = 2e-5;
// Factors rounded to bf16 (2^-9 each) in sums of many terms, against the largest result.
constexpr double bf16_tolerance = 1e-2;
// Attention of bf16 factors: queries, factors of the keys, keys and probabilities are each rounded, three of
// them before an exponential.
constexpr double bf16_attention_tolerance = 3e-2;

void check_generator(Checks& checks);
void check_products(Checks& checks, const ModelShape& shape);
void check_router(Checks& checks, const ModelShape& shape);
void check_experts(Checks& checks, const ModelShape& shape);
void check_attention(Checks& checks, const ModelShape& shape);
void check_sampling(Checks& checks, const ModelShape& shape);

// What prompts take, with the products of a library.
void check_dense(Checks& checks, const ModelShape& shape, kernels::cuda::Blas& blas);
void check_attention_decompressed(Checks& checks, const ModelShape& shape, kernels::cuda::Blas& blas);
void check_grouped(Checks& checks, const ModelShape& shape); // needs no library

// All of them. `blas` is null where the library is missing, and `why_no_blas` says why.
void check_kernels(Checks& checks, Report& report, kernels::cuda::Blas* blas, const std::string& why_no_blas);

} // namespace gpu
