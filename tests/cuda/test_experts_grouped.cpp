// SPDX-License-Identifier: MIT
// The experts of many rows against the definitions of kernels/cpu/scalar.h. On tensor cores the references
// get BF16 numbers as the kernels do, so that only the order of fp32 sums is left to differ.
#include "kernels/cpu/ops.h"
#include "kernels/cuda/experts_grouped.h"
#include "tests/cuda/device_case.h"

#include <QtTest>

#include <algorithm>
#include <numeric>

using namespace kernels;
using namespace kernels::test;

namespace {

constexpr double tolerance = 1e-5;

struct Machine
{
    cuda::Device device{0};
    cpu::ThreadPool pool{1};
    cpu::Ops reference{pool, cpu::Isa::scalar};
};

struct Shape
{
    Dtype dtype = Dtype::bf16;
    Dtype down_dtype = Dtype::bf16;
    std::int64_t rows = 0;
    std::int64_t experts = 0;
    std::int64_t chosen = 0;
    std::int64_t hidden_size = 0;
    std::int64_t width = 0;
    std::int64_t gap = 0; // bytes between one expert's matrix and the next
};

// Which experts each token chose, on both sides.
struct Choice
{
    std::vector<std::int32_t> expert;
    std::vector<float> weight;
    std::int64_t stride = 0; // of a token, more than it has experts
    std::int64_t chosen = 0;

    // Experts with small numbers are liked best, the last one by nobody.
    Choice(Random& random, const Shape& shape)
        : stride(shape.chosen + 2)
        , chosen(shape.chosen)
    {
        std::vector<std::int32_t> all(static_cast<std::size_t>(shape.experts));
        std::iota(all.begin(), all.end(), 0);
        const std::int64_t liked = std::max(shape.chosen, shape.experts - 1);
        for (std::int64_t t = 0; t < shape.rows; ++t) {
            for (std::int64_t k = 0; k < shape.chosen; ++k) {
                const std::int64_t last = random.integer(0, 3) == 0 ? liked - 1 : std::max(k, liked / 2);
                std::swap(all[static_cast<std::size_t>(k)],
                          all[static_cast<std::size_t>(random.integer(k, last))]);
            }
            for (std::int64_t k = 0; k < stride; ++k) {
                expert.push_back(k < chosen ? all[static_cast<std::size_t>(k)] : -1);
                weight.push_back(k < chosen ? random.normal() : std::numeric_limits<float>::quiet_NaN());
            }
            std::sort(all.begin(), all.end());
        }
    }

    std::int64_t rows() const { return static_cast<std::int64_t>(expert.size()) / stride; }
    Routing routing()
    {
        return {{expert.data(), rows(), chosen, stride}, {weight.data(), rows(), chosen, stride}};
    }
};

struct DeviceChoice
{
    DeviceValues<std::int32_t> expert;
    DeviceValues<float> weight;
    Routing routing;

    DeviceChoice(const cuda::Device& device, Choice& choice)
        : expert(device, choice.expert)
        , weight(device, choice.weight)
        , routing(choice.routing())
    {
        routing.expert.data = expert.data();
        routing.weight.data = weight.data();
    }
};

class Layer
{
public:
    Layer(Random& random, const cuda::Device& device, const Shape& shape)
    {
        std::vector<Matrix> gates;
        std::vector<Matrix> ups;
        std::vector<Matrix> downs;
        for (std::int64_t e = 0; e < shape.experts; ++e) {
            m_weights.emplace_back(random, shape.dtype, shape.width, shape.hidden_size);
            gates.push_back(m_weights.back().matrix);
            m_weights.emplace_back(random, shape.dtype, shape.width, shape.hidden_size);
            ups.push_back(m_weights.back().matrix);
            m_weights.emplace_back(random, shape.down_dtype, shape.hidden_size, shape.width);
            downs.push_back(m_weights.back().matrix);
            stored.push_back({gates.back(), ups.back(), downs.back()});
        }
        for (const Weights& w : m_weights)
            m_rounded.emplace_back(w.matrix);
        for (std::size_t i = 0; i < m_rounded.size(); i += 3)
            rounded.push_back({m_rounded[i].matrix, m_rounded[i + 1].matrix, m_rounded[i + 2].matrix});
        m_gate = DeviceMatrices(device, gates, gates.front().bytes() + shape.gap);
        m_up = DeviceMatrices(device, ups, ups.front().bytes() + shape.gap);
        m_down = DeviceMatrices(device, downs, downs.front().bytes() + shape.gap);
        experts = {m_gate.all, m_up.all, m_down.all, {}};
    }

    std::vector<Mlp> stored;
    std::vector<Mlp> rounded;
    cuda::DeviceExperts experts;

private:
    std::vector<Weights> m_weights;
    std::vector<Rounded> m_rounded;
    DeviceMatrices m_gate;
    DeviceMatrices m_up;
    DeviceMatrices m_down;
};

// Gate, up and down of one case, each compared on its own.
void check(Random& random, Machine& machine, const Shape& shape, bool on_tensor_cores,
           std::int64_t down_columns = 0)
{
    const Layer layer(random, machine.device, shape);
    Choice choice(random, shape);
    const DeviceChoice device_choice(machine.device, choice);
    cuda::GroupedPlan plan =
        cuda::plan_grouped(shape.rows, shape.chosen, layer.experts, machine.device.limits());
    QCOMPARE(plan.uses_tensor_cores, on_tensor_cores);
    if (down_columns > 0)
        plan.down_columns = down_columns;
    const cuda::DeviceBuffer workspace(machine.device, plan.workspace_bytes());
    const Placement placement = random.one_of<Placement>({Placement::aligned, Placement::misaligned});
    const std::int64_t shared_width = 5; // columns behind those of the routed experts, which nobody touches

    Activations x(random, shape.rows, shape.hidden_size);
    const DeviceRows device_x(machine.device, x.view, placement);
    const Activations untouched(random, shape.rows, shape.chosen * shape.width + shared_width);
    DeviceRows hidden(machine.device, untouched.view, placement);
    cuda::grouped_gate_up(machine.device, hidden.view, device_x.view, device_choice.routing, layer.experts,
                          workspace.data(), plan);
    Activations expected(untouched);
    Experts experts{layer.stored, {}};
    if (on_tensor_cores) {
        round_to_bf16(x.view);
        experts.routed = layer.rounded;
    }
    machine.reference.experts_gate_up(expected.view, x.view, choice.routing(), experts);
    COMPARE_NUMBERS("gate and up", hidden.download(), expected.view, tolerance);

    Activations in(random, shape.rows, shape.chosen * shape.width + shared_width);
    const DeviceRows device_in(machine.device, in.view, placement);
    Activations h(random, shape.rows, shape.hidden_size);
    DeviceRows device_h(machine.device, h.view, placement);
    cuda::grouped_down_add(machine.device, device_h.view, device_in.view, device_choice.routing,
                           layer.experts, workspace.data(), plan);
    if (on_tensor_cores)
        round_to_bf16(in.view);
    machine.reference.experts_down_add(h.view, in.view, choice.routing(), experts);
    COMPARE_NUMBERS("down", device_h.download(), h.view, tolerance);
}

cuda::DeviceExperts shapes_of(Dtype dtype, std::int64_t experts, std::int64_t hidden_size, std::int64_t width)
{
    const std::int64_t up_bytes = width * row_bytes(dtype, hidden_size);
    const std::int64_t down_bytes = hidden_size * row_bytes(dtype, width);
    return {{nullptr, dtype, experts, width, hidden_size, up_bytes},
            {nullptr, dtype, experts, width, hidden_size, up_bytes},
            {nullptr, dtype, experts, hidden_size, width, down_bytes},
            {}};
}

} // namespace

class TestExpertsGrouped : public QObject
{
    Q_OBJECT

private slots:
    void init() { emulation_reset(); }

    void tensorCores_data()
    {
        QTest::addColumn<Dtype>("dtype");
        for (const Dtype dtype : {Dtype::f16, Dtype::bf16, Dtype::q8_0})
            QTest::newRow(name(dtype).data()) << dtype;
    }
    void tensorCores()
    {
        QFETCH(Dtype, dtype);
        Random random;
        Machine machine;
        const std::int64_t step = dtype == Dtype::q8_0 ? 128 : 8; // what makes rows aligned
        for (int i = 0; i < 3 * thread_orders; ++i) {
            emulation_set_order(i % thread_orders);
            Shape shape;
            shape.dtype = dtype;
            shape.down_dtype = dtype;
            const bool has_many = i == 0; // more experts than a warp has lanes
            shape.experts = has_many ? random.integer(33, 40) : random.integer(1, 6);
            shape.chosen = random.integer(1, std::min<std::int64_t>(6, shape.experts));
            shape.rows = random.integer(1, 40);
            shape.hidden_size =
                step * random.integer(1, std::max<std::int64_t>(1, (has_many ? 48 : 160) / step));
            shape.width = step * random.integer(1, std::max<std::int64_t>(1, (has_many ? 48 : 160) / step));
            shape.gap = 16 * random.integer(0, 3);
            // Columns of down that are no multiple of a tile, and more than one slice.
            const std::int64_t down_columns =
                i % 2 == 0 ? 0 : std::max<std::int64_t>(8, shape.hidden_size / 2);
            check(random, machine, shape, true, down_columns);
            if (QTest::currentTestFailed())
                return;
        }
    }

    // More than 48 pairs for each expert: tiles of 128.
    void largeTiles_data() { tensorCores_data(); }
    void largeTiles()
    {
        QFETCH(Dtype, dtype);
        Random random;
        Machine machine;
        for (int order = 0; order < thread_orders; ++order) {
            emulation_set_order(order);
            Shape shape;
            shape.dtype = dtype;
            shape.down_dtype = dtype;
            shape.experts = 3;
            shape.chosen = 2;
            shape.rows = random.integer(80, 170);
            shape.hidden_size = dtype == Dtype::q8_0 ? 128 : 8 * random.integer(1, 20);
            shape.width = dtype == Dtype::q8_0 ? 128 : 8 * random.integer(1, 20);
            QCOMPARE(cuda::plan_grouped(shape.rows, shape.chosen,
                                        shapes_of(dtype, shape.experts, shape.hidden_size, shape.width),
                                        machine.device.limits())
                         .tile_rows,
                     128);
            check(random, machine, shape, true);
            if (QTest::currentTestFailed())
                return;
        }
    }

    // The depth of the products of DeepSeek-V2-Lite, with fewer of everything else.
    void realDepth()
    {
        Random random;
        Machine machine;
        for (const Dtype dtype : {Dtype::bf16, Dtype::q8_0}) {
            Shape shape;
            shape.dtype = dtype;
            shape.down_dtype = dtype;
            shape.experts = 2;
            shape.chosen = 1;
            shape.rows = 9;
            shape.hidden_size = 2048;
            shape.width = 128;
            check(random, machine, shape, true);
            shape.hidden_size = 128;
            shape.width = 1408;
            check(random, machine, shape, true);
            if (QTest::currentTestFailed())
                return;
        }
    }

    void arithmetic_data()
    {
        QTest::addColumn<Dtype>("dtype");
        QTest::addColumn<Dtype>("down");
        QTest::newRow("F32") << Dtype::f32 << Dtype::f32;
        QTest::newRow("F16 with F32") << Dtype::f16 << Dtype::f32;
        QTest::newRow("BF16 of odd shapes") << Dtype::bf16 << Dtype::bf16;
        QTest::newRow("F16 of odd shapes") << Dtype::f16 << Dtype::f16;
        QTest::newRow("Q8_0 with F32") << Dtype::q8_0 << Dtype::f32;
        QTest::newRow("F32 with Q8_0") << Dtype::f32 << Dtype::q8_0;
    }
    void arithmetic()
    {
        QFETCH(Dtype, dtype);
        QFETCH(Dtype, down);
        Random random;
        Machine machine;
        for (int i = 0; i < 2 * thread_orders; ++i) {
            emulation_set_order(i % thread_orders);
            Shape shape;
            shape.dtype = dtype;
            shape.down_dtype = down;
            shape.experts = random.integer(1, 9);
            shape.chosen = random.integer(1, std::min<std::int64_t>(4, shape.experts));
            shape.rows = i == 0 ? 90 : random.integer(1, 20);
            shape.hidden_size = random.columns(dtype, 32, 100);
            shape.width = random.columns(down, 32, 100);
            if (dtype == down && dtype != Dtype::f32)
                shape.width |= 1;
            check(random, machine, shape, false, i % 2 == 0 ? 0 : 33);
            if (QTest::currentTestFailed())
                return;
        }
    }

    // A token gives the same bits alone and among others, whatever tiles they fall into.
    void rowsDoNotDependOnOthers()
    {
        Random random;
        Machine machine;
        for (const Dtype dtype : {Dtype::bf16, Dtype::q8_0, Dtype::f32}) {
            Shape shape;
            shape.dtype = dtype;
            shape.down_dtype = dtype;
            shape.experts = 3;
            shape.chosen = 2;
            shape.rows = 110;
            shape.hidden_size = 128;
            shape.width = 128;
            const Layer layer(random, machine.device, shape);
            Choice choice(random, shape);
            const DeviceChoice device_choice(machine.device, choice);
            const Activations x(random, shape.rows, shape.hidden_size);
            const Activations h(random, shape.rows, shape.hidden_size);
            const DeviceRows device_x(machine.device, x.view, Placement::aligned);

            const auto run = [&](std::int64_t first, std::int64_t count, DeviceRows& hidden,
                                 DeviceRows& sum) {
                const cuda::GroupedPlan plan =
                    cuda::plan_grouped(count, shape.chosen, layer.experts, machine.device.limits());
                const cuda::DeviceBuffer workspace(machine.device, plan.workspace_bytes());
                const Routing part{device_choice.routing.expert.slice_rows(first, count),
                                   device_choice.routing.weight.slice_rows(first, count)};
                cuda::grouped_gate_up(machine.device, hidden.view, device_x.view.slice_rows(first, count),
                                      part, layer.experts, workspace.data(), plan);
                cuda::grouped_down_add(machine.device, sum.view, hidden.view, part, layer.experts,
                                       workspace.data(), plan);
                machine.device.synchronise();
            };
            DeviceRows all_hidden(machine.device, shape.rows, shape.chosen * shape.width, Placement::aligned);
            DeviceRows all_sums(machine.device, h.view, Placement::aligned);
            run(0, shape.rows, all_hidden, all_sums);
            const View<const float> hidden = all_hidden.download();
            const View<const float> sums = all_sums.download();
            for (const std::int64_t count : {1, 9, 30}) {
                const std::int64_t first = random.integer(0, shape.rows - count);
                DeviceRows part_hidden(machine.device, count, shape.chosen * shape.width,
                                       Placement::misaligned);
                DeviceRows part_sums(machine.device, h.view.slice_rows(first, count), Placement::misaligned);
                run(first, count, part_hidden, part_sums);
                QVERIFY(identical(part_hidden.download(),
                                  {hidden.row(first), count, hidden.columns, hidden.stride}));
                QVERIFY(identical(part_sums.download(), {sums.row(first), count, sums.columns, sums.stride}));
            }
        }
    }

    void nothingToDo()
    {
        Machine machine;
        const cuda::DeviceExperts experts = shapes_of(Dtype::bf16, 4, 64, 64);
        const cuda::GroupedPlan plan = cuda::plan_grouped(0, 2, experts, machine.device.limits());
        const Routing none{{nullptr, 0, 2, 2}, {nullptr, 0, 2, 2}};
        cuda::grouped_gate_up(machine.device, {nullptr, 0, 128, 128}, {nullptr, 0, 64, 64}, none, experts,
                              nullptr, plan);
        cuda::grouped_down_add(machine.device, {nullptr, 0, 64, 64}, {nullptr, 0, 128, 128}, none, experts,
                               nullptr, plan);
        machine.device.synchronise();
        QCOMPARE(emulation_launches(), 0);
    }

    // DeepSeek-V2-Lite and DeepSeek-V2 on every kind of GPU.
    void plans_data()
    {
        QTest::addColumn<int>("capability");
        QTest::addColumn<int>("kilobytes");
        QTest::newRow("A100") << 80 << 163;
        QTest::newRow("RTX 3090") << 86 << 99;
        QTest::newRow("RTX 4090") << 89 << 99;
        QTest::newRow("H100") << 90 << 227;
        QTest::newRow("RTX 5090") << 120 << 99;
    }
    void plans()
    {
        QFETCH(int, capability);
        QFETCH(int, kilobytes);
        const cuda::DeviceLimits limits{capability, 100, kilobytes * 1024};
        for (const Dtype dtype : {Dtype::bf16, Dtype::f16, Dtype::q8_0, Dtype::f32}) {
            for (const cuda::DeviceExperts& experts :
                 {shapes_of(dtype, 64, 2048, 1408), shapes_of(dtype, 160, 5120, 1536)}) {
                std::int64_t last_bytes = 0;
                for (const std::int64_t rows : {1, 9, 64, 511, 512, 1000, 2048, 4096, 8192}) {
                    const cuda::GroupedPlan plan = cuda::plan_grouped(rows, 6, experts, limits);
                    QCOMPARE(plan.uses_tensor_cores, dtype != Dtype::f32);
                    for (const cuda::LaunchPlan& launch : {plan.sort, plan.gate_up, plan.down}) {
                        QVERIFY(launch.shared_bytes <= limits.shared_bytes);
                        QVERIFY(launch.threads > 0 && launch.threads <= 1024 && launch.threads % 32 == 0);
                        QVERIFY(launch.grid[0] > 0);
                        QVERIFY(launch.grid[1] > 0 && launch.grid[1] <= 65535);
                        QCOMPARE(launch.grid[2], 1u);
                    }
                    // Whatever the tokens choose, there are tiles for it: all at the same six experts, or
                    // spread so that every expert's last tile has a single pair.
                    const std::int64_t tile = plan.tile_rows;
                    const std::int64_t pairs = rows * 6;
                    const std::int64_t tiles = plan.gate_up.grid[1];
                    QVERIFY(tiles >= 6 * cuda::divide_up(rows, tile));
                    const std::int64_t single = std::min(pairs, experts.gate.heads);
                    QVERIFY(tiles >= single + (pairs - single) / tile);
                    QVERIFY(tiles <= pairs / tile + experts.gate.heads);
                    QCOMPARE(plan.down.grid[1], plan.gate_up.grid[1]);
                    // Workspace is bounded, and never more for fewer rows.
                    QVERIFY(plan.down_bytes >= pairs * plan.down_columns * 4);
                    QVERIFY(plan.down_columns > 0 && plan.down_columns <= experts.down.rows);
                    QVERIFY(plan.down_bytes <= 64 << 20);
                    QVERIFY(plan.workspace_bytes() >= last_bytes);
                    last_bytes = plan.workspace_bytes();
                }
                QVERIFY(last_bytes < std::int64_t{260} << 20);
            }
        }
        const cuda::GroupedPlan plan =
            cuda::plan_grouped(4096, 6, shapes_of(Dtype::bf16, 64, 2048, 1408), limits);
        QCOMPARE(plan.tile_rows, 128);
        QCOMPARE(plan.gate_up.grid[0], 22u);
        QCOMPARE(plan.gate_up.grid[1], (24576u + 64u * 127u) / 128u);
        QCOMPARE(plan.rows_bytes, 4096 * 6 * 1408 * 2);
        QCOMPARE(plan.sort_bytes, 512 + 4096 * 6 * 4);
        QCOMPARE(cuda::plan_grouped(64, 6, shapes_of(Dtype::bf16, 64, 2048, 1408), limits).tile_rows, 32);
    }
};

QTEST_APPLESS_MAIN(TestExpertsGrouped)
#include "test_experts_grouped.moc"
