// SPDX-License-Identifier: MIT
#include "engine/deepseek_v2.h"

namespace engine {

kernels::AttentionForm choose_form(const kernels::AttentionShape& shape,
                                   std::span<const kernels::Segment> segments)
{
    // Multiply-adds per head; what both forms do equally is left out.
    double absorbed = 0;
    double decompressed = 0;
    bool is_decoding = true;
    const auto key_value = static_cast<double>(shape.qk_nope_head_dim + shape.v_head_dim);
    const auto latent = static_cast<double>(shape.kv_lora_rank);
    for (const kernels::Segment& s : segments) {
        const auto n = static_cast<double>(s.count);
        const auto before = static_cast<double>(s.position);
        const double pairs = n * before + n * (n + 1) / 2;
        absorbed += pairs * 2 * latent;
        decompressed += pairs * key_value + before * latent * key_value;
        is_decoding = is_decoding && s.count == 1;
    }
    return decompressed < absorbed && !is_decoding ? kernels::AttentionForm::decompressed
                                                   : kernels::AttentionForm::absorbed;
}

} // namespace engine
