// SPDX-License-Identifier: MIT
// The experts of a few rows against references in double: every format, experts that several tokens share,
// shared experts of the same format and of another.
#include "tests/cuda/device_case.h"

#include "kernels/cuda/products.h"

#include <QtTest>

#include <algorithm>
#include <numeric>
#include <optional>

using namespace kernels;
using namespace kernels::test;

namespace {

constexpr double tolerance = 1e-5; // sums in fp32

struct Machine
{
    cuda::Device device{0};
};

struct Shape
{
    std::int64_t tokens = 1;
    std::int64_t experts = 8;
    std::int64_t chosen = 2;
    std::int64_t hidden = 64;
    std::int64_t width = 32;
    std::int64_t shared_width = 0; // 0: none
    Dtype gate = Dtype::bf16;
    Dtype up = Dtype::bf16;
    Dtype down = Dtype::bf16;
    Dtype shared = Dtype::bf16;
    std::int64_t gap = 0; // bytes between the matrices of two experts
};

// The experts of one layer on both sides.
struct Layer
{
    Layer(Random& random, const cuda::Device& device, const Shape& s)
        : gate(random, device, s.gate, s, s.width, s.hidden)
        , up(random, device, s.up, s, s.width, s.hidden)
        , down(random, device, s.down, s, s.hidden, s.width)
    {
        experts = {gate.device.all, up.device.all, down.device.all, {}};
        if (s.shared_width == 0)
            return;
        shared_gate.emplace(random, s.shared, s.shared_width, s.hidden);
        shared_up.emplace(random, s.shared, s.shared_width, s.hidden);
        shared_down.emplace(random, s.shared, s.hidden, s.shared_width);
        m_gate = DeviceMatrices(device, shared_gate->matrix);
        m_up = DeviceMatrices(device, shared_up->matrix);
        m_down = DeviceMatrices(device, shared_down->matrix);
        experts.shared = {m_gate.matrix(), m_up.matrix(), m_down.matrix()};
    }

    struct Kind
    {
        Kind(Random& random, const cuda::Device& machine, Dtype dtype, const Shape& s, std::int64_t rows,
             std::int64_t columns)
        {
            std::vector<Matrix> matrices;
            for (std::int64_t e = 0; e < s.experts; ++e)
                matrices.push_back(weights.emplace_back(random, dtype, rows, columns).matrix);
            device = DeviceMatrices(machine, matrices, matrices.front().bytes() + s.gap);
        }
        std::vector<Weights> weights;
        DeviceMatrices device;
    };
    Kind gate;
    Kind up;
    Kind down;
    std::optional<Weights> shared_gate;
    std::optional<Weights> shared_up;
    std::optional<Weights> shared_down;
    cuda::DeviceExperts experts;

private:
    DeviceMatrices m_gate;
    DeviceMatrices m_up;
    DeviceMatrices m_down;
};

struct Choice
{
    Choice(Random& random, const Shape& s)
        : m_tokens(s.tokens)
        , m_chosen(s.chosen)
    {
        std::vector<std::int32_t> all(static_cast<std::size_t>(s.experts));
        std::iota(all.begin(), all.end(), 0);
        for (std::int64_t t = 0; t < s.tokens; ++t) {
            random.shuffle(all);
            for (std::int64_t k = 0; k < s.chosen + 1; ++k) { // one column of a gap
                expert.push_back(k < s.chosen ? all[static_cast<std::size_t>(k)] : -1);
                weight.push_back(random.normal());
            }
        }
    }
    Routing routing(std::int32_t* device_expert, float* device_weight) const
    {
        return {{device_expert, m_tokens, m_chosen, m_chosen + 1},
                {device_weight, m_tokens, m_chosen, m_chosen + 1}};
    }
    std::size_t at(std::int64_t t, std::int64_t k) const
    {
        return static_cast<std::size_t>(t * (m_chosen + 1) + k);
    }

    std::vector<std::int32_t> expert;
    std::vector<float> weight;

private:
    std::int64_t m_tokens;
    std::int64_t m_chosen;
};

Numbers gated(const Matrix& gate, const Matrix& up, const Numbers& x)
{
    Numbers y = multiply(table(gate), x);
    const Numbers ups = multiply(table(up), x);
    for (std::size_t i = 0; i < y.size(); ++i)
        y[i] = y[i] / (1.0 + std::exp(-y[i])) * ups[i];
    return y;
}

// One layer and what its tokens chose; each half of it is compared on numbers of its own.
struct Case
{
    Case(Random& random, const Machine& machine, const Shape& shape)
        : s(shape)
        , layer(random, machine.device, shape)
        , choice(random, shape)
        , m_expert(machine.device, choice.expert)
        , m_weight(machine.device, choice.weight)
        , routing(choice.routing(m_expert.data(), m_weight.data()))
        , placement(random.one_of<Placement>({Placement::aligned, Placement::misaligned}))
    {
    }

    Shape s;
    Layer layer;
    Choice choice;

private:
    DeviceValues<std::int32_t> m_expert;
    DeviceValues<float> m_weight;

public:
    Routing routing; // on the device
    Placement placement;
};

QString check_gate_up(Random& random, const Machine& machine, const Case& c)
{
    const Shape& s = c.s;
    const Activations x(random, s.tokens, s.hidden);
    const DeviceRows device_x(machine.device, x.view, c.placement);
    DeviceRows hidden(machine.device, s.tokens, s.chosen * s.width + s.shared_width, c.placement);
    cuda::experts_gate_up(machine.device, hidden.view, device_x.view, c.routing, c.layer.experts);
    Table expected;
    for (std::int64_t t = 0; t < s.tokens; ++t) {
        const Numbers in(x.view.row(t), x.view.row(t) + s.hidden);
        Numbers& row = expected.emplace_back();
        for (std::int64_t k = 0; k < s.chosen; ++k) {
            const auto e = static_cast<std::size_t>(c.choice.expert[c.choice.at(t, k)]);
            const Numbers own = gated(c.layer.gate.weights[e].matrix, c.layer.up.weights[e].matrix, in);
            row.insert(row.end(), own.begin(), own.end());
        }
        if (s.shared_width > 0) {
            const Numbers own = gated(c.layer.shared_gate->matrix, c.layer.shared_up->matrix, in);
            row.insert(row.end(), own.begin(), own.end());
        }
    }
    return difference("gate and up", hidden.download(), expected, tolerance);
}

QString check_down(Random& random, const Machine& machine, const Case& c)
{
    const Shape& s = c.s;
    const Activations in(random, s.tokens, s.chosen * s.width + s.shared_width);
    const Activations before(random, s.tokens, s.hidden);
    const DeviceRows device_in(machine.device, in.view, c.placement);
    DeviceRows h(machine.device, before.view, c.placement);
    cuda::experts_down_add(machine.device, h.view, device_in.view, c.routing, c.layer.experts);
    Table expected = table(View<const float>(before.view));
    for (std::int64_t t = 0; t < s.tokens; ++t) {
        const auto add = [&](const Matrix& w, std::int64_t first, double factor) {
            const Numbers part(in.view.row(t) + first, in.view.row(t) + first + w.columns);
            const Numbers y = multiply(table(w), part);
            for (std::size_t r = 0; r < y.size(); ++r)
                expected[static_cast<std::size_t>(t)][r] += factor * y[r];
        };
        for (std::int64_t k = 0; k < s.chosen; ++k) {
            const std::size_t at = c.choice.at(t, k);
            add(c.layer.down.weights[static_cast<std::size_t>(c.choice.expert[at])].matrix, k * s.width,
                static_cast<double>(c.choice.weight[at]));
        }
        if (s.shared_width > 0)
            add(c.layer.shared_down->matrix, s.chosen * s.width, 1.0);
    }
    return difference("down", h.download(), expected, tolerance);
}

void check(Random& random, const Machine& machine, const Shape& s)
{
    const Case c(random, machine, s);
    for (const QString& wrong : {check_gate_up(random, machine, c), check_down(random, machine, c)})
        QVERIFY2(wrong.isEmpty(), qPrintable(wrong));
}

} // namespace

class TestExpertsVector : public QObject
{
    Q_OBJECT

private slots:
    void init() { emulation_reset(); }

    void random_shapes()
    {
        Random random;
        const Machine machine;
        for (int trial = 0; trial < 30 && !QTest::currentTestFailed(); ++trial) {
            emulation_set_order(trial % thread_orders);
            Shape s;
            const Dtype dtype = random.dtype();
            const auto sometimes_other = [&] { return random.integer(0, 4) == 0 ? random.dtype() : dtype; };
            s.gate = dtype;
            s.up = sometimes_other();
            s.down = sometimes_other();
            s.shared = sometimes_other();
            // Rows that can be read in vectors, or of any width where the formats allow it.
            const bool has_blocks = trial % 2 == 0 || s.gate == Dtype::q8_0 || s.up == Dtype::q8_0 ||
                                    s.down == Dtype::q8_0 || s.shared == Dtype::q8_0;
            const auto size = [&] { return has_blocks ? 32 * random.integer(1, 2) : random.integer(1, 70); };
            s.hidden = size();
            s.width = size();
            s.shared_width = random.integer(0, 2) == 0 ? 0 : size();
            s.experts = random.integer(2, 20);
            s.chosen = random.integer(1, std::min<std::int64_t>(6, s.experts));
            s.tokens = random.integer(1, cuda::max_vector_rows);
            s.gap = random.one_of<std::int64_t>({0, 16, 48, 7});
            check(random, machine, s);
        }
    }

    // Every token chooses the same experts, so that each has eight users.
    void all_tokens_share_all_experts()
    {
        Random random;
        const Machine machine;
        for (const Dtype dtype : {Dtype::bf16, Dtype::q8_0}) {
            Shape s;
            s.tokens = 8;
            s.experts = 3;
            s.chosen = 3;
            s.hidden = 64;
            s.width = 96;
            s.shared_width = 288;
            s.gate = s.up = s.down = s.shared = dtype;
            check(random, machine, s);
        }
    }

    // V2-Lite's hidden size and expert width with few of its experts and rows of the other dimension.
    void the_models_sizes()
    {
        Random random;
        const Machine machine;
        for (const std::int64_t tokens : {1, 5}) {
            Shape s;
            s.tokens = tokens;
            s.experts = 4;
            s.chosen = 3;
            s.hidden = 2048;
            s.width = 32;
            s.shared_width = 64;
            s.gate = s.up = s.down = s.shared = tokens == 1 ? Dtype::q8_0 : Dtype::bf16;
            QString wrong = check_gate_up(random, machine, Case(random, machine, s));
            QVERIFY2(wrong.isEmpty(), qPrintable(wrong));
            s.hidden = 64;
            s.width = 1408;
            s.shared_width = 2816;
            wrong = check_down(random, machine, Case(random, machine, s));
            QVERIFY2(wrong.isEmpty(), qPrintable(wrong));
        }
    }

    // Where shared memory holds the inputs of a few tokens alone, the rest follows in launches of their own,
    // and the numbers stay the same.
    void launches_are_split_where_memory_is_small()
    {
        Random random;
        const Machine machine;
        Shape s;
        s.tokens = 8;
        s.experts = 8;
        s.chosen = 6;
        s.hidden = 8;
        s.width = 1408;
        s.shared_width = 2816;
        const Layer layer(random, machine.device, s);
        const Choice choice(random, s);
        const DeviceValues<std::int32_t> expert(machine.device, choice.expert);
        const DeviceValues<float> weight(machine.device, choice.weight);
        const Routing routing = choice.routing(expert.data(), weight.data());
        const Activations in(random, s.tokens, 6 * 1408 + 2816);
        const Activations before(random, s.tokens, s.hidden);
        const DeviceRows device_in(machine.device, in.view, Placement::aligned);
        DeviceRows together(machine.device, before.view, Placement::aligned);
        cuda::experts_down_add(machine.device, together.view, device_in.view, routing, layer.experts);
        const View<const float> all = together.download();
        QCOMPARE(emulation_launches(), 4); // two tokens in 99 KiB
        for (std::int64_t t = 0; t < s.tokens; ++t) {
            DeviceRows own(machine.device, before.view.slice_rows(t, 1), Placement::aligned);
            cuda::experts_down_add(machine.device, own.view, device_in.view.slice_rows(t, 1),
                                   {routing.expert.slice_rows(t, 1), routing.weight.slice_rows(t, 1)},
                                   layer.experts);
            QVERIFY(identical(own.download(), View<const float>{all.row(t), 1, s.hidden, all.stride}));
        }
    }

    // One launch for the routed and the shared experts where they are stored alike.
    void equal_formats_are_one_launch()
    {
        Random random;
        const Machine machine;
        Shape s;
        s.shared_width = 64;
        for (const Dtype shared : {Dtype::bf16, Dtype::f32}) {
            s.shared = shared;
            const Layer layer(random, machine.device, s);
            const Choice choice(random, s);
            const DeviceValues<std::int32_t> expert(machine.device, choice.expert);
            const DeviceValues<float> weight(machine.device, choice.weight);
            const Routing routing = choice.routing(expert.data(), weight.data());
            const Activations x(random, 1, s.hidden);
            const DeviceRows device_x(machine.device, x.view, Placement::aligned);
            DeviceRows hidden(machine.device, 1, s.chosen * s.width + s.shared_width, Placement::aligned);
            emulation_reset();
            cuda::experts_gate_up(machine.device, hidden.view, device_x.view, routing, layer.experts);
            machine.device.synchronise();
            QCOMPARE(emulation_launches(), shared == Dtype::bf16 ? 1 : 2);
        }
    }

    void an_input_that_no_block_can_hold_is_an_error()
    {
        Random random;
        const Machine machine;
        Shape s;
        s.chosen = 1;
        s.experts = 1;
        s.hidden = 1;
        s.width = 30000;
        s.gate = s.up = s.down = Dtype::bf16;
        const Layer layer(random, machine.device, s);
        const Choice choice(random, s);
        const DeviceValues<std::int32_t> expert(machine.device, choice.expert);
        const DeviceValues<float> weight(machine.device, choice.weight);
        const DeviceRows in(machine.device, 1, s.width, Placement::aligned);
        const DeviceRows h(machine.device, 1, 1, Placement::aligned);
        QVERIFY_EXCEPTION_THROWN(cuda::experts_down_add(machine.device, h.view, in.view,
                                                        choice.routing(expert.data(), weight.data()),
                                                        layer.experts),
                                 cuda::Failure);
    }

    // V2-Lite and V2 on every card.
    void plans_fit_every_card()
    {
        struct Model
        {
            std::int64_t hidden;
            std::int64_t width;
            std::int64_t experts;
        };
        const std::byte* data = reinterpret_cast<const std::byte*>(std::uintptr_t{1} << 20);
        for (const Model& m : {Model{2048, 1408, 64}, Model{5120, 1536, 160}}) {
            for (const cuda::DeviceLimits& limits :
                 {cuda::DeviceLimits{80, 108, 163 * 1024}, cuda::DeviceLimits{86, 28, 99 * 1024},
                  cuda::DeviceLimits{89, 128, 99 * 1024}, cuda::DeviceLimits{90, 132, 227 * 1024},
                  cuda::DeviceLimits{120, 170, 99 * 1024}}) {
                for (const Dtype dtype : {Dtype::bf16, Dtype::q8_0, Dtype::f32}) {
                    const auto matrices = [&](std::int64_t rows, std::int64_t columns) {
                        const Matrix one{data, dtype, rows, columns};
                        return HeadMatrix{data, dtype, m.experts, rows, columns, one.bytes()};
                    };
                    const cuda::DeviceExperts experts{matrices(m.width, m.hidden),
                                                      matrices(m.width, m.hidden),
                                                      matrices(m.hidden, m.width),
                                                      {{data, dtype, 2 * m.width, m.hidden},
                                                       {data, dtype, 2 * m.width, m.hidden},
                                                       {data, dtype, m.hidden, 2 * m.width}}};
                    for (std::int64_t tokens = 1; tokens <= cuda::max_vector_rows; ++tokens) {
                        const Routing routing{{nullptr, tokens, 6, 6}, {nullptr, tokens, 6, 6}};
                        const View<const float> x{nullptr, tokens, m.hidden, m.hidden};
                        const View<const float> hidden{nullptr, tokens, 8 * m.width, 8 * m.width};
                        for (const cuda::LaunchPlan& plan :
                             {cuda::plan_experts_gate_up(x, routing, experts, limits),
                              cuda::plan_experts_down(hidden, routing, experts, limits)}) {
                            QVERIFY(plan.grid[0] > 0 && plan.grid[1] == 1 && plan.grid[2] == 1);
                            QVERIFY(static_cast<int>(plan.grid[0]) <= 2 * limits.multiprocessors);
                            QVERIFY(plan.threads <= 1024 && plan.threads % 32 == 0);
                            QVERIFY(plan.shared_bytes + 1024 <= limits.shared_bytes);
                            // One token of V2-Lite: two blocks at a time in the 100 KiB of a multiprocessor.
                            QVERIFY(tokens > 1 || m.hidden > 2048 || plan.shared_bytes + 2048 <= 50 * 1024);
                        }
                    }
                }
            }
        }
    }
};

QTEST_APPLESS_MAIN(TestExpertsVector)
#include "test_experts_vector.moc"
