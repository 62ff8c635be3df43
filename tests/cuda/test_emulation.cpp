// SPDX-License-Identifier: MIT
// The emulated GPU itself: that kernels compute on it what they compute on a GPU, and that the mistakes it is
// there to find do not pass.
#include "kernels/cuda/launch.h"
#include "kernels/cuda/mma.h"
#include "kernels/quant/float16.h"
#include "tests/cuda/emulation/control.h"
#include "tests/kernels/support.h"

#include <QtTest>

#include <cmath>
#include <vector>

using namespace kernels::cuda;

namespace {

// ---- kernels ----------------------------------------------------------------------------------------------

__global__ void write_number(int* out)
{
    const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
    out[block * blockDim.x + threadIdx.x] = static_cast<int>(block * 1000 + threadIdx.x);
}

__global__ void reverse_block(const float* in, float* out)
{
    auto* shared = reinterpret_cast<float*>(dynamic_shared());
    shared[threadIdx.x] = in[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = shared[blockDim.x - 1 - threadIdx.x];
}

__global__ void reverse_block_without_barrier(const float* in, float* out)
{
    auto* shared = reinterpret_cast<float*>(dynamic_shared());
    shared[threadIdx.x] = in[threadIdx.x];
    out[threadIdx.x] = shared[blockDim.x - 1 - threadIdx.x];
}

__global__ void rotate_in_warp_without_barrier(const float* in, float* out)
{
    __shared__ float shared[64];
    shared[threadIdx.x] = 0.0f;
    __syncthreads();
    shared[threadIdx.x] = in[threadIdx.x];
    out[threadIdx.x] = shared[(threadIdx.x & ~31u) | ((threadIdx.x + 1) & 31u)];
}

// Threads from `active` on return before the barrier, which the others pass all the same.
__global__ void sum_of_the_living(int* out, int active)
{
    __shared__ int shared[128];
    const int i = static_cast<int>(threadIdx.x);
    if (i >= active)
        return;
    shared[i] = i;
    __syncthreads();
    if (i == 0) {
        int sum = 0;
        for (int j = 0; j < active; ++j)
            sum += shared[j];
        *out = sum;
    }
}

struct Exchanged
{
    int from_lane_5;
    int across;      // xor 16
    int up;          // 3 within 16 lanes
    int down;        // 2
    unsigned ballot; // odd values
    int any;
    int all;
    unsigned sum;
    int least;
    int largest;
    unsigned bits;
    unsigned same; // lanes with the same value modulo 3
    double wide;   // of the next lane
};

__global__ void exchange(Exchanged* out)
{
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const int value = lane * lane + static_cast<int>(threadIdx.x / 32);
    Exchanged& mine = out[threadIdx.x];
    mine.from_lane_5 = __shfl_sync(0xffffffffu, value, 5);
    mine.across = __shfl_xor_sync(0xffffffffu, value, 16);
    mine.up = __shfl_up_sync(0xffffffffu, value, 3, 16);
    mine.down = __shfl_down_sync(0xffffffffu, value, 2);
    mine.ballot = __ballot_sync(0xffffffffu, value % 2);
    mine.any = __any_sync(0xffffffffu, value == 4);
    mine.all = __all_sync(0xffffffffu, value >= 0);
    mine.sum = __reduce_add_sync(0xffffffffu, static_cast<unsigned>(value));
    mine.least = __reduce_min_sync(0xffffffffu, -value);
    mine.largest = __reduce_max_sync(0xffffffffu, value);
    mine.bits = __reduce_or_sync(0xffffffffu, 1u << (value % 32));
    mine.same = __match_any_sync(0xffffffffu, lane % 3);
    mine.wide = __shfl_sync(0xffffffffu, value / 4.0, lane + 1);
}

// The two halves of a warp go their own ways.
__global__ void halves(int* out)
{
    const int lane = static_cast<int>(threadIdx.x);
    int value = lane;
    if (lane < 16) {
        for (int distance = 8; distance > 0; distance /= 2)
            value += __shfl_xor_sync(0x0000ffffu, value, distance);
    } else {
        value = __shfl_sync(0xffff0000u, value, 31);
    }
    out[lane] = value;
}

__global__ void lane_has_returned(int* out)
{
    if (threadIdx.x == 7)
        return;
    out[threadIdx.x] = __shfl_xor_sync(0xffffffffu, 1, 1);
}

__global__ void lane_takes_no_part(int* out)
{
    out[threadIdx.x] = threadIdx.x < 8 ? __shfl_sync(0xffu, 1, 9) : 0;
}

__global__ void lanes_at_different_meetings(int* out)
{
    out[threadIdx.x] = threadIdx.x < 16 ? __shfl_xor_sync(0xffffffffu, 1, 1) : __any_sync(0xffffffffu, 1);
}

__global__ void barriers_differ(int* out)
{
    if (threadIdx.x < 32) {
        __syncthreads();
        out[0] = 1;
    } else {
        __syncthreads();
        out[1] = 2;
    }
}

__global__ void lane_waits_at_the_barrier(int* out)
{
    if (threadIdx.x == 3)
        __syncthreads();
    else
        __syncwarp();
    out[threadIdx.x] = 1;
}

__global__ void copy_through_shared(const uint4* in, uint4* out, bool waits)
{
    auto* shared = reinterpret_cast<uint4*>(dynamic_shared());
    const unsigned i = threadIdx.x;
    copy_async_16(shared + i, in + i, i % 4 != 3);
    commit_copies();
    copy_async_16(shared + blockDim.x + i, in + blockDim.x + i, true);
    commit_copies();
    if (waits)
        wait_copies<1>();
    out[i] = shared[i];
    wait_copies<0>();
    out[blockDim.x + i] = shared[blockDim.x + i];
}

__global__ void copy_misaligned(const std::byte* in)
{
    copy_async_16(dynamic_shared(), in + 4, true);
}

// One warp: d (16, 8) = a (16, 16) b, with b as (8, 16) where `is_transposed` is false, else (16, 8).
__global__ void multiply_tile(const __nv_bfloat16* a, const __nv_bfloat16* b, float* d, bool is_transposed)
{
    auto* shared_a = reinterpret_cast<__nv_bfloat16*>(dynamic_shared());
    auto* shared_b = shared_a + 256;
    const int lane = static_cast<int>(threadIdx.x);
    for (int i = lane; i < 256; i += 32)
        shared_a[i] = a[i];
    for (int i = lane; i < 128; i += 32)
        shared_b[i] = b[i];
    __syncwarp();
    std::uint32_t fragment_a[4];
    load_matrix_x4(fragment_a, shared_a + lane % 16 * 16 + lane / 16 * 8);
    std::uint32_t fragment_b[2];
    if (is_transposed)
        load_matrix_x2_transposed(fragment_b, shared_b + lane % 16 * 8);
    else
        load_matrix_x2(fragment_b, shared_b + lane % 8 * 16 + lane / 8 % 2 * 8);
    float sum[4] = {};
    mma_bf16(sum, fragment_a, fragment_b);
    for (int i = 0; i < 4; ++i)
        d[(lane / 4 + i / 2 * 8) * 8 + lane % 4 * 2 + i % 2] = sum[i];
}

__global__ void transpose_four(const std::uint16_t* in, std::uint16_t* out)
{
    auto* shared = reinterpret_cast<std::uint16_t*>(dynamic_shared());
    const int lane = static_cast<int>(threadIdx.x);
    for (int i = lane; i < 256; i += 32)
        shared[i] = in[i];
    __syncwarp();
    std::uint32_t words[4];
    load_matrix_x4_transposed(words, shared + lane * 8);
    for (int i = 0; i < 4; ++i) {
        out[64 * i + lane / 4 * 8 + lane % 4 * 2] = static_cast<std::uint16_t>(words[i]);
        out[64 * i + lane / 4 * 8 + lane % 4 * 2 + 1] = static_cast<std::uint16_t>(words[i] >> 16);
    }
}

__global__ void count(unsigned* sum, int* largest, unsigned long long* wide)
{
    atomicAdd(sum, threadIdx.x);
    atomicMax(largest, static_cast<int>(threadIdx.x * 37 % 101));
    atomicAdd(wide, 1ull << 40);
}

__global__ void give_up()
{
    if (blockIdx.x == 2 && threadIdx.x == 33)
        __trap();
}

// ---- helpers ----------------------------------------------------------------------------------------------

LaunchPlan one_block(unsigned threads, std::int64_t shared_bytes = 0)
{
    LaunchPlan plan;
    plan.threads = threads;
    plan.shared_bytes = shared_bytes;
    return plan;
}

template <class T> DeviceBuffer upload(const Device& device, const std::vector<T>& values)
{
    DeviceBuffer buffer(device, static_cast<std::int64_t>(values.size() * sizeof(T)));
    copy_to_device(device, buffer.data(), values.data(), buffer.bytes());
    return buffer;
}

template <class T> std::vector<T> download(const Device& device, const DeviceBuffer& buffer)
{
    std::vector<T> values(static_cast<std::size_t>(buffer.bytes()) / sizeof(T));
    copy_to_host(device, values.data(), buffer.data(), buffer.bytes());
    device.synchronise();
    return values;
}

template <class T> T* as(const DeviceBuffer& buffer)
{
    return reinterpret_cast<T*>(buffer.data());
}

QString text_of(const Failure& failure)
{
    return QString::fromUtf8(failure.what());
}

} // namespace

class TestEmulation : public QObject
{
    Q_OBJECT

private slots:
    void init() { emulation_reset(); }
    void cleanup() { emulation_reset(); }

    void blocks_and_threads_know_their_numbers()
    {
        const Device device(0);
        LaunchPlan plan = one_block(96);
        plan.grid[0] = 3;
        plan.grid[1] = 2;
        plan.grid[2] = 2;
        const DeviceBuffer out(device, 12 * 96 * 4);
        launch(device, plan, write_number, as<int>(out));
        const auto found = download<int>(device, out);
        for (int i = 0; i < 12 * 96; ++i)
            QCOMPARE(found[static_cast<std::size_t>(i)], i / 96 * 1000 + i % 96);
        QCOMPARE(emulation_launches(), std::int64_t{1});
    }

    void empty_grids_are_not_launched()
    {
        const Device device(0);
        LaunchPlan plan = one_block(32);
        plan.grid[1] = 0;
        launch(device, plan, give_up);
        device.synchronise();
        QCOMPARE(emulation_launches(), std::int64_t{0});
    }

    void a_barrier_makes_every_order_alike_data()
    {
        QTest::addColumn<int>("order");
        QTest::newRow("ascending") << 0;
        QTest::newRow("descending") << 1;
        QTest::newRow("shuffled") << 2;
    }
    void a_barrier_makes_every_order_alike()
    {
        QFETCH(int, order);
        emulation_set_order(order);
        const Device device(0);
        std::vector<float> values(1024);
        for (std::size_t i = 0; i < values.size(); ++i)
            values[i] = static_cast<float>(i);
        const DeviceBuffer in = upload(device, values);
        const DeviceBuffer out(device, in.bytes());
        launch(device, one_block(1024, 4096), reverse_block, as<float>(in), as<float>(out));
        std::reverse(values.begin(), values.end());
        QCOMPARE(download<float>(device, out), values);
    }

    void a_missing_barrier_shows()
    {
        const Device device(0);
        std::vector<float> values(64, 1.0f);
        const DeviceBuffer in = upload(device, values);
        const DeviceBuffer out(device, in.bytes());
        for (int order = 0; order < 3; ++order) {
            emulation_set_order(order);
            launch(device, one_block(64, 256), reverse_block_without_barrier, as<float>(in), as<float>(out));
            const auto found = download<float>(device, out);
            QVERIFY(std::any_of(found.begin(), found.end(), [](float x) { return std::isnan(x); }));
        }
    }

    void a_missing_warp_barrier_shows()
    {
        const Device device(0);
        std::vector<float> values(64, 1.0f);
        const DeviceBuffer in = upload(device, values);
        const DeviceBuffer out(device, in.bytes());
        emulation_set_order(0);
        launch(device, one_block(64), rotate_in_warp_without_barrier, as<float>(in), as<float>(out));
        QVERIFY(download<float>(device, out) != values);
    }

    void threads_that_returned_are_not_waited_for()
    {
        const Device device(0);
        const DeviceBuffer out(device, 4);
        launch(device, one_block(128), sum_of_the_living, as<int>(out), 70);
        QCOMPARE(download<int>(device, out)[0], 69 * 70 / 2);
    }

    void lanes_exchange_values_data() { a_barrier_makes_every_order_alike_data(); }
    void lanes_exchange_values()
    {
        QFETCH(int, order);
        emulation_set_order(order);
        const Device device(0);
        const DeviceBuffer out(device, 64 * static_cast<std::int64_t>(sizeof(Exchanged)));
        launch(device, one_block(64), exchange, as<Exchanged>(out));
        const auto all = download<Exchanged>(device, out);
        for (int thread = 0; thread < 64; ++thread) {
            const int warp = thread / 32;
            const int lane = thread % 32;
            const auto value = [warp](int of) { return of * of + warp; };
            unsigned odd = 0;
            unsigned sum = 0;
            unsigned bits = 0;
            unsigned same = 0;
            bool has_four = false;
            for (int i = 0; i < 32; ++i) {
                odd |= static_cast<unsigned>(value(i) % 2) << i;
                sum += static_cast<unsigned>(value(i));
                bits |= 1u << (value(i) % 32);
                same |= static_cast<unsigned>(i % 3 == lane % 3) << i;
                has_four |= value(i) == 4;
            }
            const Exchanged& mine = all[static_cast<std::size_t>(thread)];
            QCOMPARE(mine.from_lane_5, value(5));
            QCOMPARE(mine.across, value(lane ^ 16));
            QCOMPARE(mine.up, value(lane % 16 < 3 ? lane : lane - 3));
            QCOMPARE(mine.down, value(lane + 2 > 31 ? lane : lane + 2));
            QCOMPARE(mine.ballot, odd);
            QCOMPARE(mine.any != 0, has_four);
            QVERIFY(mine.all != 0);
            QCOMPARE(mine.sum, sum);
            QCOMPARE(mine.least, -value(31));
            QCOMPARE(mine.largest, value(31));
            QCOMPARE(mine.bits, bits);
            QCOMPARE(mine.same, same);
            QCOMPARE(mine.wide, value((lane + 1) % 32) / 4.0);
        }
    }

    void halves_of_a_warp_meet_on_their_own()
    {
        const Device device(0);
        const DeviceBuffer out(device, 32 * 4);
        launch(device, one_block(32), halves, as<int>(out));
        const auto found = download<int>(device, out);
        for (std::size_t i = 0; i < 32; ++i)
            QCOMPARE(found[i], i < 16 ? 15 * 16 / 2 : 31);
    }

    void mistakes_are_named_data()
    {
        QTest::addColumn<int>("mistake");
        QTest::addColumn<QStringList>("expected");
        QTest::newRow("returned") << 0 << QStringList{"lane_has_returned", "for lane 7, which has returned"};
        QTest::newRow("no part") << 1
                                 << QStringList{"lane_takes_no_part", "asks lane 9, which takes no part"};
        QTest::newRow("meetings") << 2
                                  << QStringList{"lanes_at_different_meetings", "for lane", "which waits at"};
        QTest::newRow("barriers") << 3 << QStringList{"barriers_differ", "thread (32, 0, 0) at the one of"};
        QTest::newRow("barrier and warp")
            << 4 << QStringList{"lane_waits_at_the_barrier", "for lane 3, which waits at the barrier"};
        QTest::newRow("trap") << 5 << QStringList{"give_up, block (2, 0, 0), thread (33, 0, 0)", "__trap()"};
        QTest::newRow("copy") << 6 << QStringList{"copy_misaligned", "not aligned"};
    }
    void mistakes_are_named()
    {
        QFETCH(int, mistake);
        QFETCH(QStringList, expected);
        const Device device(0);
        const DeviceBuffer out(device, 64 * 4);
        int* const ints = as<int>(out);
        LaunchPlan plan = one_block(64, 64);
        plan.grid[0] = 4;
        void (*const kernels[])(int*) = {lane_has_returned, lane_takes_no_part, lanes_at_different_meetings,
                                         barriers_differ, lane_waits_at_the_barrier};
        if (mistake < 5)
            launch(device, plan, kernels[mistake], ints);
        else if (mistake == 5)
            launch(device, plan, give_up);
        else
            launch(device, plan, copy_misaligned, out.data());
        try {
            device.synchronise();
            QFAIL("the mistake was not found");
        } catch (const Failure& failure) {
            QCOMPARE(failure.kind, FailureKind::device_lost);
            for (const QString& part : expected + QStringList{"kernel ", "test_emulation.cpp:"})
                QVERIFY2(text_of(failure).contains(part), failure.what());
        }
        QVERIFY_EXCEPTION_THROWN(launch(device, one_block(32), give_up), Failure); // it stays lost
        emulation_reset();
        launch(device, one_block(64), sum_of_the_living, ints, 10); // the fibers are in order again
        QCOMPARE(download<int>(device, out)[0], 45);
    }

    void copies_arrive_when_waited_for()
    {
        const Device device(0);
        std::vector<unsigned> values(2 * 32 * 4);
        for (std::size_t i = 0; i < values.size(); ++i)
            values[i] = static_cast<unsigned>(i + 1);
        const DeviceBuffer in = upload(device, values);
        const DeviceBuffer out(device, in.bytes());
        launch(device, one_block(32, in.bytes()), copy_through_shared, as<uint4>(in), as<uint4>(out), true);
        auto found = download<unsigned>(device, out);
        for (std::size_t i = 0; i < values.size(); ++i)
            QCOMPARE(found[i], i / 4 < 32 && i / 4 % 4 == 3 ? 0u : values[i]);
        launch(device, one_block(32, in.bytes()), copy_through_shared, as<uint4>(in), as<uint4>(out), false);
        found = download<unsigned>(device, out);
        for (std::size_t i = 0; i < 32 * 4; ++i)
            QCOMPARE(found[i], 0xffffffffu); // shared memory as it was
    }

    void tiles_are_multiplied_data()
    {
        QTest::addColumn<bool>("is_transposed");
        QTest::newRow("b by columns") << false;
        QTest::newRow("b by rows") << true;
    }
    void tiles_are_multiplied()
    {
        QFETCH(bool, is_transposed);
        const Device device(0);
        kernels::test::Random random;
        const auto number = [&] { return static_cast<float>(random.integer(-8, 8)); }; // sums are exact
        std::vector<std::uint16_t> a(256);
        std::vector<std::uint16_t> b(128);
        for (auto& x : a)
            x = kernels::f32_to_bf16(number());
        for (auto& x : b)
            x = kernels::f32_to_bf16(number());
        const DeviceBuffer device_a = upload(device, a);
        const DeviceBuffer device_b = upload(device, b);
        const DeviceBuffer d(device, 128 * 4);
        launch(device, one_block(32, 768), multiply_tile, as<__nv_bfloat16>(device_a),
               as<__nv_bfloat16>(device_b), as<float>(d), is_transposed);
        const auto found = download<float>(device, d);
        for (std::size_t row = 0; row < 16; ++row) {
            for (std::size_t column = 0; column < 8; ++column) {
                float sum = 0.0f;
                for (std::size_t k = 0; k < 16; ++k)
                    sum += kernels::bf16_to_f32(a[row * 16 + k]) *
                           kernels::bf16_to_f32(is_transposed ? b[k * 8 + column] : b[column * 16 + k]);
                QCOMPARE(found[row * 8 + column], sum);
            }
        }
    }

    void four_matrices_are_transposed()
    {
        const Device device(0);
        std::vector<std::uint16_t> values(256);
        for (std::size_t i = 0; i < 256; ++i)
            values[i] = static_cast<std::uint16_t>(i * 31);
        const DeviceBuffer in = upload(device, values);
        const DeviceBuffer out(device, in.bytes());
        launch(device, one_block(32, 512), transpose_four, as<std::uint16_t>(in), as<std::uint16_t>(out));
        const auto found = download<std::uint16_t>(device, out);
        for (std::size_t i = 0; i < 256; ++i)
            QCOMPARE(found[i], values[i / 64 * 64 + i % 8 * 8 + i % 64 / 8]);
    }

    void atomics_count()
    {
        const Device device(0);
        const DeviceBuffer out(device, 32);
        fill_zero(device, out.data(), out.bytes());
        LaunchPlan plan = one_block(100);
        plan.grid[0] = 3;
        launch(device, plan, count, as<unsigned>(out), as<int>(out) + 1, as<unsigned long long>(out) + 1);
        const auto found = download<unsigned>(device, out);
        QCOMPARE(found[0], 3u * 99 * 100 / 2);
        QCOMPARE(found[1], 100u);
        QCOMPARE((static_cast<unsigned long long>(found[3]) << 32 | found[2]), 300ull << 40);
    }

    void work_is_done_when_waited_for()
    {
        const Device device(0);
        const DeviceBuffer buffer(device, 4);
        const PinnedBuffer pinned(4);
        int* const value = reinterpret_cast<int*>(pinned.data());
        *value = 1;
        copy_to_device(device, buffer.data(), pinned.data(), 4);
        *value = 2; // too early: the copy has not been made
        device.synchronise();
        QCOMPARE(download<int>(device, buffer)[0], 2);
    }

    void launches_are_held_to_the_limits()
    {
        const Device device(0);
        const DeviceBuffer out(device, 4096);
        launch(device, one_block(32, 99 * 1024), reverse_block, as<float>(out), as<float>(out));
        QVERIFY_EXCEPTION_THROWN(
            launch(device, one_block(32, 99 * 1024 + 1), reverse_block, as<float>(out), as<float>(out)),
            Failure);
        QVERIFY_EXCEPTION_THROWN(launch(device, one_block(1056), give_up), Failure);
        LaunchPlan plan = one_block(32);
        plan.grid[1] = 65536;
        QVERIFY_EXCEPTION_THROWN(launch(device, plan, give_up), Failure);
        device.synchronise();
        QCOMPARE(emulation_launches(), std::int64_t{1});
    }

    void copies_are_held_to_their_memory()
    {
        const Device device(0);
        const DeviceBuffer buffer(device, 64);
        std::vector<std::byte> host(65);
        QVERIFY_EXCEPTION_THROWN(copy_to_device(device, buffer.data(), host.data(), 65), Failure);
        QVERIFY_EXCEPTION_THROWN(copy_to_device(device, host.data(), buffer.data(), 64), Failure);
        copy_to_device(device, buffer.data(), host.data(), 64);
    }

    void numbers_convert_as_on_a_gpu()
    {
        QCOMPARE(__float2int_rn(2.5f), 2);
        QCOMPARE(__float2int_rn(1e20f), std::numeric_limits<int>::max());
        QCOMPARE(__float2int_rn(NAN), 0);
        QCOMPARE(__double2ll_rn(-3.5), -4ll);
        QCOMPARE(__byte_perm(0x33221100u, 0x77665544u, 0x7250u), 0x77225500u);
        QCOMPARE(__funnelshift_l(0x80000000u, 1u, 1), 3u);
        QCOMPARE(__brev(1u), 0x80000000u);
        QCOMPARE(__ffs(0), 0);
        QCOMPARE(__clz(1), 31);
        QCOMPARE(__umulhi(0x80000000u, 6u), 3u);
        QCOMPARE(__dp4a(0x01ff02fe, 0x02030405, 10), 10 + 2 - 3 + 8 - 10);
        QCOMPARE(__half2float(__float2half(0.1f)), 0.0999755859375f);
        QCOMPARE(__bfloat162float(__float2bfloat16(0.1f)), 0.10009765625f);
    }
};

QTEST_APPLESS_MAIN(TestEmulation)
#include "test_emulation.moc"
