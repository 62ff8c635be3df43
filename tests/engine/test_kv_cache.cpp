// SPDX-License-Identifier: MIT
#include "engine/kv_cache.h"

#include <QTest>

#include <random>
#include <set>

using engine::BlockList;
using engine::BlockPool;

class TestKvCache : public QObject
{
    Q_OBJECT

private slots:
    void blocks_for_tokens()
    {
        QCOMPARE(engine::blocks_for(0), 0);
        QCOMPARE(engine::blocks_for(1), 1);
        QCOMPARE(engine::blocks_for(kernels::cache_block_tokens), 1);
        QCOMPARE(engine::blocks_for(kernels::cache_block_tokens + 1), 2);
    }

    void all_or_nothing()
    {
        BlockPool pool(3);
        BlockList a(pool);
        BlockList b(pool);
        QVERIFY(a.grow(2 * kernels::cache_block_tokens));
        QCOMPARE(pool.free(), 1);
        QCOMPARE(b.missing(2 * kernels::cache_block_tokens), 2);
        QVERIFY(!b.grow(2 * kernels::cache_block_tokens));
        QCOMPARE(pool.free(), 1);
        QVERIFY(b.blocks().empty());
        a.shrink(kernels::cache_block_tokens);
        QVERIFY(b.grow(2 * kernels::cache_block_tokens));
        QCOMPARE(pool.free(), 0);
    }

    void given_back_at_the_end()
    {
        BlockPool pool(4);
        {
            BlockList a(pool);
            QVERIFY(a.grow(200));
            BlockList moved(std::move(a));
            QCOMPARE(pool.free(), 0);
        }
        QCOMPARE(pool.free(), 4);
    }

    // Random use: no block is ever in two lists, none is lost.
    void random_use()
    {
        const auto seed = std::random_device()();
        qInfo("seed %u", seed);
        std::mt19937 random(seed);
        BlockPool pool(20);
        std::vector<BlockList> lists;
        for (int i = 0; i < 5; ++i)
            lists.emplace_back(pool);
        for (int round = 0; round < 2000; ++round) {
            BlockList& list = lists[random() % lists.size()];
            const auto tokens = static_cast<std::int64_t>(random() % 600);
            const auto before = static_cast<std::int64_t>(list.blocks().size());
            if (random() % 2 == 0) {
                const bool fits = list.missing(tokens) <= pool.free();
                QCOMPARE(list.grow(tokens), fits);
                QCOMPARE(static_cast<std::int64_t>(list.blocks().size()),
                         fits ? std::max(before, engine::blocks_for(tokens)) : before);
            } else {
                list.shrink(tokens);
                QCOMPARE(static_cast<std::int64_t>(list.blocks().size()),
                         std::min(before, engine::blocks_for(tokens)));
            }
            std::set<std::int32_t> used;
            std::size_t count = 0;
            for (const BlockList& l : lists) {
                used.insert(l.blocks().begin(), l.blocks().end());
                count += l.blocks().size();
            }
            QCOMPARE(used.size(), count);
            QCOMPARE(static_cast<std::int64_t>(count) + pool.free(), pool.total());
        }
    }
};

QTEST_APPLESS_MAIN(TestKvCache)
#include "test_kv_cache.moc"
