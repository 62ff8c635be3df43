// SPDX-License-Identifier: MIT
#include "engine/convert/tensor_stream.h"

#include "kernels/cpu/thread_pool.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace engine {

namespace {

constexpr std::int64_t piece_bytes = std::int64_t{1} << 20;

// Some rows of one tensor; behind the last ones, the tensor's padding.
struct Piece
{
    std::size_t tensor = 0;
    std::int64_t first = 0;
    std::int64_t rows = 0;
    std::int64_t bytes = 0;
    std::int64_t padding = 0;
};

std::vector<Piece> cut(const format::GgufWriter& writer)
{
    std::vector<Piece> pieces;
    const auto tensors = writer.tensors();
    for (std::size_t t = 0; t < tensors.size(); ++t) {
        const format::GgufTensor& tensor = tensors[t];
        const std::int64_t row_bytes = kernels::row_bytes(tensor.dtype, tensor.columns());
        const std::int64_t step = std::max<std::int64_t>(1, piece_bytes / row_bytes);
        for (std::int64_t first = 0; first < tensor.rows(); first += step) {
            const std::int64_t rows = std::min(step, tensor.rows() - first);
            pieces.push_back({t, first, rows, rows * row_bytes, 0});
        }
        pieces.back().padding = static_cast<std::int64_t>(tensor.padding());
    }
    return pieces;
}

} // namespace

bool write_gguf(const format::GgufWriter& writer, const MakeRows& make, int threads, format::ByteSink& sink,
                const ByteProgress& progress, const std::stop_token& stop)
{
    const std::string header = writer.header();
    const auto total = static_cast<std::int64_t>(header.size() + writer.data_bytes());
    sink.reserve(static_cast<std::uint64_t>(total));
    sink.write(std::as_bytes(std::span(header.data(), header.size())));
    auto done = static_cast<std::int64_t>(header.size());

    const int workers = threads > 0 ? threads : static_cast<int>(std::thread::hardware_concurrency());
    kernels::cpu::ThreadPool pool(workers);
    pool.set_stop(stop);
    // Two batches take turns: one is made while the other is written.
    const std::vector<Piece> pieces = cut(writer);
    const auto batch_size = static_cast<std::size_t>(4 * pool.threads());
    std::array<std::vector<std::byte>, 2> buffers;
    std::span<const std::byte> finished;
    for (std::size_t begin = 0; begin < pieces.size() || !finished.empty(); begin += batch_size) {
        const std::size_t rest = pieces.size() - std::min(begin, pieces.size());
        const auto batch = std::span(pieces).last(rest).first(std::min(batch_size, rest));
        std::vector<std::int64_t> offsets;
        std::int64_t size = 0;
        for (const Piece& piece : batch) {
            offsets.push_back(size);
            size += piece.bytes + piece.padding;
        }
        buffers[0].assign(static_cast<std::size_t>(size), std::byte{0});
        try {
            // Task 0 writes; the others make.
            pool.run(static_cast<std::int64_t>(batch.size()) + 1, [&](std::int64_t task, int) {
                if (task == 0) {
                    sink.write(finished);
                    return;
                }
                const auto i = static_cast<std::size_t>(task - 1);
                make(batch[i].tensor, batch[i].first, batch[i].rows, buffers[0].data() + offsets[i]);
            });
        } catch (const kernels::cpu::Stopped&) {
            return false;
        }
        done += static_cast<std::int64_t>(finished.size());
        progress(done, total);
        std::swap(buffers[0], buffers[1]);
        finished = buffers[1];
    }
    return true;
}

} // namespace engine
