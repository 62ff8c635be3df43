// SPDX-License-Identifier: MIT
#include "tests/gpu/checks.h"

#include "kernels/cuda/sample.h"
#include "kernels/sampling.h"

namespace gpu {

// The ids must be those of the definition, kernels::choose, whatever the rules: not a tolerance, but 0.
void check_sampling(Checks& checks, const ModelShape& shape)
{
    struct Rule
    {
        const char* name;
        kernels::TokenDraw draw;
    };
    const Rule rules[] = {{"greedy", {0.0f, 0, 1.0f, 0.0f, 1.1f, 0.0}},
                          {"temperature", {0.8f, 0, 1.0f, 0.0f, 1.0f, 0.0}},
                          {"top-k", {1.0f, 40, 1.0f, 0.0f, 1.0f, 0.0}},
                          {"top-p", {0.7f, 0, 0.9f, 0.05f, 1.05f, 0.0}},
                          {"all of them", {1.5f, 200, 0.95f, 0.02f, 1.3f, 0.0}}};
    const std::int64_t rows = 4;
    for (const Rule& rule : rules)
        checks.check(
            fmt::format("sampling, {}", rule.name), fmt::format("{} rows of {}", rows, shape.vocabulary), "",
            0.0, [&](Difference& difference) {
                // Numbers on a coarse grid, so that there are ties.
                Rows<float> logits = random_rows(checks.device, checks.key(), rows, shape.vocabulary, 12.0f);
                for (float& value : logits.host)
                    value = std::round(value * 64.0f) / 64.0f;
                logits.upload();
                std::vector<std::uint8_t> is_defined(static_cast<std::size_t>(shape.vocabulary), 1);
                for (std::size_t i = 5; i < is_defined.size(); i += 9)
                    is_defined[i] = 0;
                const Rows<std::uint8_t> defined(checks.device, 1, shape.vocabulary, is_defined);
                const Rows<std::int32_t> recent(checks.device, 1, 6, {1, 3, 10, 40, 77, 130});
                Rows<kernels::cuda::Draw> draws(checks.device, 1, rows);
                for (std::int64_t t = 0; t < rows; ++t) {
                    kernels::cuda::Draw& draw = draws.host[static_cast<std::size_t>(t)];
                    draw.temperature = rule.draw.temperature;
                    draw.top_k = rule.draw.top_k;
                    draw.top_p = rule.draw.top_p;
                    draw.min_p = rule.draw.min_p;
                    draw.repeat_penalty = rule.draw.repeat_penalty;
                    draw.recent_first = static_cast<std::int32_t>(t);
                    draw.recent_count = 3;
                    draw.uniform = 0.07 + 0.3 * static_cast<double>(t);
                }
                draws.upload();
                Rows<std::int32_t> ids(checks.device, 1, rows);
                const kernels::cuda::DeviceBuffer workspace(
                    checks.device,
                    std::max<std::int64_t>(1, kernels::cuda::sample_workspace_bytes(rows, shape.vocabulary)));
                sample(checks.device, ids.view.data, logits.view, draws.view.data, recent.view.data,
                       defined.view.data, workspace.data());
                ids.download();
                kernels::SamplingScratch scratch;
                for (std::int64_t t = 0; t < rows; ++t) {
                    kernels::TokenDraw draw = rule.draw;
                    draw.uniform = draws.host[static_cast<std::size_t>(t)].uniform;
                    const std::int32_t wanted =
                        kernels::choose(std::span(logits.host)
                                            .subspan(static_cast<std::size_t>(t * shape.vocabulary),
                                                     static_cast<std::size_t>(shape.vocabulary)),
                                        draw, std::span(recent.host).subspan(static_cast<std::size_t>(t), 3),
                                        is_defined, scratch);
                    difference.add(ids.host[static_cast<std::size_t>(t)], wanted);
                }
            });
}

} // namespace gpu
