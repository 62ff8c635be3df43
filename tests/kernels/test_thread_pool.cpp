// SPDX-License-Identifier: MIT
#include "tests/kernels/support.h"

#include "kernels/cpu/thread_pool.h"

#include <QTest>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

using namespace kernels::cpu;
using kernels::test::Random;

class TestThreadPool : public QObject
{
    Q_OBJECT

private slots:
    void every_task_runs_once_data()
    {
        QTest::addColumn<int>("threads");
        for (const int threads : {1, 2, 3, 8})
            QTest::addRow("%d threads", threads) << threads;
    }

    void every_task_runs_once()
    {
        QFETCH(int, threads);
        Random random;
        ThreadPool pool(threads);
        QCOMPARE(pool.threads(), threads);
        for (int round = 0; round < 500; ++round) {
            const std::int64_t tasks = random.integer(0, 40);
            const Split split = round % 2 == 0 ? Split::dynamic : Split::contiguous;
            // Plain numbers: the pool must order the writes of the tasks before its return.
            std::vector<int> runs(static_cast<std::size_t>(tasks), 0);
            std::vector<int> workers(static_cast<std::size_t>(tasks), -1);
            pool.run(
                tasks,
                [&](std::int64_t task, int worker) {
                    ++runs[static_cast<std::size_t>(task)];
                    workers[static_cast<std::size_t>(task)] = worker;
                },
                split);
            for (std::int64_t i = 0; i < tasks; ++i) {
                QCOMPARE(runs[static_cast<std::size_t>(i)], 1);
                QVERIFY(workers[static_cast<std::size_t>(i)] >= 0);
                QVERIFY(workers[static_cast<std::size_t>(i)] < threads);
            }
            if (split == Split::contiguous && tasks > 1)
                QVERIFY(std::is_sorted(workers.begin(), workers.end()));
        }
    }

    // What one run writes the next one reads on other threads.
    void runs_follow_each_other()
    {
        ThreadPool pool(4);
        std::vector<std::int64_t> values(64, 0);
        for (int round = 0; round < 3000; ++round) {
            const std::vector<std::int64_t> before = values;
            pool.run(64, [&](std::int64_t task, int) {
                values[static_cast<std::size_t>(task)] =
                    before[static_cast<std::size_t>((task + 1) % 64)] + 1;
            });
        }
        for (const std::int64_t value : values)
            QCOMPARE(value, std::int64_t{3000});
    }

    void threads_that_sleep_wake_up()
    {
        ThreadPool pool(3);
        std::atomic<int> done{0};
        for (int round = 0; round < 5; ++round) {
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
            pool.run(10, [&](std::int64_t, int) {
                std::this_thread::sleep_for(std::chrono::microseconds(200));
                ++done;
            });
        }
        QCOMPARE(done.load(), 50);
    }

    void exceptions_reach_the_caller()
    {
        for (const int threads : {1, 2, 4}) {
            ThreadPool pool(threads);
            for (const Split split : {Split::dynamic, Split::contiguous}) {
                for (int round = 0; round < 100; ++round) {
                    const auto failing = [&](std::int64_t task, int) {
                        if (task == 7 || task == 11)
                            throw std::runtime_error("task failed");
                    };
                    QVERIFY_EXCEPTION_THROWN(pool.run(16, failing, split), std::runtime_error);
                    // and the pool still works
                    std::atomic<int> runs{0};
                    pool.run(
                        16, [&](std::int64_t, int) { ++runs; }, split);
                    QCOMPARE(runs.load(), 16);
                }
            }
        }
    }

    void a_stop_ends_runs_between_tasks()
    {
        for (const int threads : {1, 3}) {
            for (const Split split : {Split::dynamic, Split::contiguous}) {
                ThreadPool pool(threads);
                std::stop_source source;
                pool.set_stop(source.get_token());
                std::atomic<int> runs{0};
                const auto stop_soon = [&](std::int64_t, int) {
                    const int run = ++runs;
                    if (run == 5)
                        source.request_stop();
                    while (run > 5 && !source.stop_requested())
                        std::this_thread::yield();
                };
                QVERIFY_EXCEPTION_THROWN(pool.run(1000, stop_soon, split), Stopped);
                // Each thread may have begun one more.
                QVERIFY2(runs >= 5 && runs < 5 + threads, qPrintable(QString::number(runs)));
                QVERIFY_EXCEPTION_THROWN(pool.run(1, stop_soon, split), Stopped);
                QVERIFY_EXCEPTION_THROWN(pool.throw_if_stopped(), Stopped);
                pool.set_stop({});
                pool.run(10, stop_soon, split);
                pool.throw_if_stopped();
            }
        }
    }

    void pools_come_and_go()
    {
        for (int round = 0; round < 50; ++round) {
            ThreadPool pool(3);
            std::atomic<int> runs{0};
            if (round % 2 == 0)
                pool.run(5, [&](std::int64_t, int) { ++runs; });
            QCOMPARE(runs.load(), round % 2 == 0 ? 5 : 0);
        }
        QCOMPARE(ThreadPool(0).threads(), 1);
        QCOMPARE(ThreadPool(-3).threads(), 1);
    }
};

QTEST_APPLESS_MAIN(TestThreadPool)
#include "test_thread_pool.moc"
