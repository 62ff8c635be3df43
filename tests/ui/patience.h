// SPDX-License-Identifier: MIT
// Qt's own macros give up after 5 s, which a loaded machine takes for nothing, and
// look only every 50 ms, which makes a fast one slow. These wait as long as anyone would, and look every 10.
#pragma once

#include <QTest>
#include <QWindow>

inline constexpr int patience_ms = 60'000; // guards against hangs alone

#undef QTRY_VERIFY
#undef QTRY_VERIFY2
#undef QTRY_COMPARE

#define QTRY_VERIFY2(condition, why)                                                                         \
    do {                                                                                                     \
        if (!QTest::qWaitFor([&] { return static_cast<bool>(condition); }, patience_ms))                     \
            QVERIFY2(condition, why);                                                                        \
    } while (false)

#define QTRY_VERIFY(condition) QTRY_VERIFY2(condition, "for a minute")

#define QTRY_COMPARE(actual, expected)                                                                       \
    do {                                                                                                     \
        if (!QTest::qWaitFor([&] { return (actual) == (expected); }, patience_ms))                           \
            QCOMPARE(actual, expected);                                                                      \
    } while (false)

inline bool waitForActive(QWindow* window)
{
    return QTest::qWaitForWindowActive(window, patience_ms);
}
