// SPDX-License-Identifier: MIT
#include "tests/gpu/checks.h"

#include "kernels/cuda/layout.h"

namespace gpu {

using kernels::Dtype;

std::vector<ModelShape> model_shapes(bool has_true_shapes)
{
    if (has_true_shapes)
        return {{"V2-Lite", 2048, 16, 128, 64, 128, 512, 0, 64, 64, 6, 1, 1, 1408, 2816, 10944, 102400},
                {"V2", 5120, 128, 128, 64, 128, 512, 1536, 160, 16, 6, 8, 3, 1536, 3072, 12288, 102400}};
    // Attention with the true sizes of a head, for the kernels that are made for them; and sizes that no
    // vector fits.
    return {{"tiny", 64, 5, 128, 64, 128, 512, 0, 8, 8, 3, 1, 1, 32, 64, 96, 300},
            {"odd", 96, 3, 24, 10, 32, 64, 32, 12, 12, 2, 4, 2, 64, 0, 160, 131}};
}

void check_generator(Checks& checks)
{
    for (const Dtype dtype : all_dtypes) {
        const std::int64_t rows = 37;
        const std::int64_t columns = dtype == Dtype::q8_0 ? 96 : 101;
        checks.check("weights made alike on both sides", fmt::format("{} × {}", rows, columns),
                     std::string(name(dtype)), 0.0, [&](Difference& difference) {
                         const Weights w(checks.device,
                                         {checks.key(), 0.1f, dtype == Dtype::q8_0 ? 0.0f : 1.0f}, dtype,
                                         rows, columns);
                         const std::int64_t bytes = w.host.bytes();
                         std::vector<std::byte> there(static_cast<std::size_t>(bytes));
                         copy_to_host(checks.device, there.data(), w.on_device.data, bytes);
                         checks.device.synchronise();
                         std::vector<float> got(static_cast<std::size_t>(columns));
                         for (std::int64_t r = 0; r < rows; ++r) {
                             kernels::cuda::dequantise_device_row(
                                 dtype, there.data() + r * w.host.row_bytes(), got.data(), columns);
                             difference.add(got.data(), row_of(w.host, r));
                         }
                     });
    }
}

void check_kernels(Checks& checks, Report& report, kernels::cuda::Blas* blas, const std::string& why_no_blas)
{
    for (const ModelShape& shape : model_shapes(checks.has_true_shapes)) {
        report.section(fmt::format("Kernels against float64, {} shape", shape.name),
                       {"kernel", "shape", "weights", "numbers", "worst of the largest", "1 - cosine",
                        "allowed", "result"});
        check_generator(checks);
        check_products(checks, shape);
        check_router(checks, shape);
        check_experts(checks, shape);
        check_attention(checks, shape);
        check_sampling(checks, shape);
        check_grouped(checks, shape);
        if (blas) {
            check_dense(checks, shape, *blas);
            check_attention_decompressed(checks, shape, *blas);
        } else {
            report.remark(fmt::format(
                "Products of a library and de-compressed attention were not checked: {}", why_no_blas));
        }
    }
}

} // namespace gpu
