// SPDX-License-Identifier: MIT
// Numbers that come to the engine from settings, requests and arguments (fault table, row 16): each is taken
// up to its limits and refused beyond them, with its name, what was expected and what was found. No assertion
// stands between such a number and memory.
#include "engine/error.h"
#include "tests/engine/memory_folder.h"
#include "tests/museum/answering.h"
#include "tests/museum/toy_model.h"

#include <QTest>

#include <cmath>
#include <limits>

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();
constexpr float no_number = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

using SetOption = std::function<void(engine::LoadOptions&)>;
using SetRequest = std::function<void(engine::Request&)>;

template <class Number> QString named(const char* name, Number value)
{
    return QStringLiteral("%1 %2").arg(QLatin1String(name)).arg(value);
}

} // namespace

class TestBounds : public QObject
{
    Q_OBJECT

    std::unique_ptr<QTemporaryDir> m_temporary;
    fs::path m_model;
    std::int64_t m_context = 0; // the model's own, tokens

private slots:
    void initTestCase()
    {
        m_temporary = memory_folder();
        m_model = fs::path(m_temporary->path().toStdString()) / "toy";
        museum::write_toy(m_model);
        m_context = engine::inspect(m_model).context_length;
    }

    void options_data()
    {
        QTest::addColumn<SetOption>("set");
        QTest::addColumn<QByteArray>("refusal"); // empty: it is taken
        const auto rows = [](const char* name, auto member, std::int64_t high) {
            const auto row = [&](std::int64_t value, bool taken) {
                QTest::newRow(qPrintable(named(name, static_cast<qint64>(value))))
                    << SetOption([=](engine::LoadOptions& o) {
                           o.*member = static_cast<std::remove_reference_t<decltype(o.*member)>>(value);
                       })
                    << (taken ? QByteArray()
                              : QByteArray(name) + ": expected 0 to " + QByteArray::number(qint64{high}) +
                                    ", found " + QByteArray::number(qint64{value}));
            };
            row(0, true);
            row(1, true);
            row(high, true);
            row(-1, false);
            row(high + 1, false);
            row(std::numeric_limits<std::int32_t>::min(), false);
            row(std::numeric_limits<std::int32_t>::max(), high >= std::numeric_limits<std::int32_t>::max());
            if (sizeof(engine::LoadOptions{}.*member) == sizeof highest) {
                row(lowest, false);
                row(highest, false);
            }
        };
        rows("threads", &engine::LoadOptions::threads, 1024);
        rows("context tokens", &engine::LoadOptions::context_tokens, m_context);
        rows("chunk tokens", &engine::LoadOptions::chunk_tokens, 4096);
        rows("cache tokens", &engine::LoadOptions::cache_tokens, std::int64_t{1} << 32);
    }

    // The plan looks at the same options as loading does, and starts no thread.
    void options()
    {
        QFETCH(SetOption, set);
        QFETCH(QByteArray, refusal);
        engine::LoadOptions options;
        set(options);
        try {
            const engine::MemoryPlan plan = engine::plan(engine::inspect(m_model), options);
            QVERIFY(refusal.isEmpty());
            QVERIFY(plan.weights > 0 && plan.cache > 0 && plan.scratch > 0 && plan.total > plan.weights);
        } catch (const engine::Error& error) {
            QCOMPARE(QByteArray(error.what()), refusal);
            QVERIFY_EXCEPTION_THROWN(museum::load(m_model, options), engine::Error);
        }
    }

    // The smallest of everything still answers.
    void the_smallest_options_answer()
    {
        engine::LoadOptions options;
        options.threads = 1;
        options.context_tokens = 4;
        options.chunk_tokens = 1;
        options.cache_tokens = 1;
        const auto model = museum::load(m_model, options);
        const museum::Answer end = museum::answer(*model, museum::short_request({1, 2, 3}, 100));
        QVERIFY2(end.result, end.failure.c_str());
        QVERIFY(end.result->generated_tokens <= 1);
        options.context_tokens = 1; // no prompt fits and leaves room
        QVERIFY_EXCEPTION_THROWN(museum::answer(*museum::load(m_model, options)), engine::Error);
    }

    void requests_data()
    {
        QTest::addColumn<SetRequest>("set");
        QTest::addColumn<QByteArray>("refusal"); // a part of it; empty: the request is answered
        const auto row = [](const QString& name, const SetRequest& set, const char* refusal = "") {
            QTest::newRow(qPrintable(name)) << set << QByteArray(refusal);
        };
        const auto sampled = [&](const char* name, auto member, auto value, const char* refusal = "") {
            row(
                named(name, value), [=](engine::Request& r) { r.sampling.*member = value; }, refusal);
        };
        const auto numbers = [&](const char* name, float engine::Sampling::*member, float below, float low,
                                 float high, float above, const char* refusal) {
            sampled(name, member, low);
            sampled(name, member, high);
            for (const float value : {below, above, no_number, infinity, -infinity})
                sampled(name, member, value, refusal);
        };
        constexpr float tiny = std::numeric_limits<float>::denorm_min();
        constexpr float huge = std::numeric_limits<float>::max();
        numbers("temperature", &engine::Sampling::temperature, -tiny, 0, huge, -huge,
                "temperature: expected 0 or more, found ");
        numbers("top-p", &engine::Sampling::top_p, 0, tiny, 1, std::nextafter(1.0f, 2.0f),
                "top-p: expected more than 0 and at most 1, found ");
        numbers("min-p", &engine::Sampling::min_p, -tiny, 0, 1, std::nextafter(1.0f, 2.0f),
                "min-p: expected 0 to 1, found ");
        numbers("repeat-penalty", &engine::Sampling::repeat_penalty, 0, tiny, huge, -1,
                "repeat-penalty: expected more than 0, found ");

        const auto integers = [&](const char* name, int engine::Sampling::*member, const char* refusal) {
            for (const int value : {0, 1, std::numeric_limits<int>::max()})
                sampled(name, member, value);
            for (const int value : {-1, std::numeric_limits<int>::min()})
                sampled(name, member, value, refusal);
        };
        integers("top-k", &engine::Sampling::top_k, "top-k: expected 0 or more, found ");
        integers("repeat window", &engine::Sampling::repeat_window,
                 "repeat window: expected 0 or more, found ");

        for (const std::int64_t value : {std::int64_t{0}, std::int64_t{1}, highest})
            row(named("max tokens", qint64{value}), [=](engine::Request& r) { r.max_tokens = value; });
        for (const std::int64_t value : {std::int64_t{-1}, lowest})
            row(
                named("max tokens", qint64{value}), [=](engine::Request& r) { r.max_tokens = value; },
                "max tokens: expected 0 or more, found ");
        for (const std::int64_t value : {lowest, std::int64_t{-1}, std::int64_t{0}, highest})
            row(named("reuse at most", qint64{value}), [=](engine::Request& r) { r.reuse_at_most = value; });

        constexpr std::int32_t last = 259;
        for (const std::int32_t id : {0, last})
            row(named("id", id), [=](engine::Request& r) { r.ids = {id}; });
        for (const std::int32_t id : {-1, last + 1, std::numeric_limits<std::int32_t>::min(),
                                      std::numeric_limits<std::int32_t>::max()})
            row(
                named("id", id),
                [=](engine::Request& r) {
                    r.ids = {1, id};
                },
                "expected token ids from 0 to 259, found ");
        row(
            QStringLiteral("as many ids as the context has"), [](engine::Request& r) { r.ids.assign(64, 1); },
            "expected a prompt of fewer than 64 tokens, the size of the context, found 64");
        row(QStringLiteral("one id less"), [](engine::Request& r) { r.ids.assign(63, 1); });
    }

    void requests()
    {
        QFETCH(SetRequest, set);
        QFETCH(QByteArray, refusal);
        const auto model = museum::load(m_model);
        engine::Request request = museum::short_request();
        request.sampling.temperature = 0.7f;
        set(request);
        try {
            const museum::Answer end = museum::answer(*model, request);
            QVERIFY2(end.result, end.failure.c_str());
            QVERIFY2(refusal.isEmpty(), "it was answered");
        } catch (const engine::Error& error) {
            QVERIFY2(!refusal.isEmpty() && QByteArray(error.what()).contains(refusal), error.what());
        }
        QVERIFY(museum::answer(*model).result); // and the next one is answered in any case
    }

    void devices_that_are_none()
    {
        for (const char* device : {"", "cuda", "cuda:", "cuda:-1", "cuda:99999999999999999999", "cuda:0x0",
                                   "CPU", "cuda:0\n", "../cpu"}) {
            engine::LoadOptions options = museum::small_options();
            options.device = device;
            QVERIFY_EXCEPTION_THROWN(museum::load(m_model, options), engine::Error);
        }
    }
};

QTEST_GUILESS_MAIN(TestBounds)
#include "test_bounds.moc"
