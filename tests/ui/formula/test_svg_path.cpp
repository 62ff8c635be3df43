// SPDX-License-Identifier: MIT
#include "ui/formula/svg_path.h"

#include <QTest>

#include <random>

using namespace Qt::StringLiterals;

class TestSvgPath : public QObject
{
    Q_OBJECT

private slots:
    void understands_data();
    void understands();
    void refuses_data();
    void refuses();
    void randomData();
};

static QString describe(const QPainterPath& path)
{
    QStringList parts;
    for (int i = 0; i < path.elementCount(); ++i) {
        const QPainterPath::Element element = path.elementAt(i);
        static const QString names = u"MLCc"_s;
        parts += names[element.type] + u"%1,%2"_s.arg(element.x).arg(element.y);
    }
    return parts.join(u' ');
}

void TestSvgPath::understands_data()
{
    QTest::addColumn<QString>("data");
    QTest::addColumn<QString>("expected");
    QTest::newRow("lines") << u"M1 2L3,4h5v-6H0V0"_s << u"M1,2 L3,4 L8,4 L8,-2 L0,-2 L0,0"_s;
    QTest::newRow("relative") << u"m1 2l3 4"_s << u"M1,2 L4,6"_s;
    QTest::newRow("lines behind a move") << u"M1 2 3 4m1 1 1 1"_s << u"M1,2 L3,4 M4,5 L5,6"_s;
    QTest::newRow("repeated") << u"M0 0h1 2 3"_s << u"M0,0 L1,0 L3,0 L6,0"_s;
    QTest::newRow("numbers without blanks") << u"M.5.25-1-2"_s << u"M0.5,0.25 L-1,-2"_s;
    QTest::newRow("exponent") << u"M1e2-1E-1"_s << u"M100,-0.1"_s;
    QTest::newRow("curve") << u"M0 0c1 2 3 4 5 6"_s << u"M0,0 C1,2 c3,4 c5,6"_s;
    QTest::newRow("smooth curve") << u"M0 0C0 1 1 2 2 2s2 0 2 2"_s << u"M0,0 C0,1 c1,2 c2,2 C3,2 c4,2 c4,4"_s;
    QTest::newRow("smooth without curve") << u"M1 1S2 2 3 3"_s << u"M1,1 C1,1 c2,2 c3,3"_s;
    QTest::newRow("quadratic") << u"M0 0Q3 3 6 0"_s << u"M0,0 C2,2 c4,2 c6,0"_s;
    QTest::newRow("close") << u"M1 1h1v1zm1 0h1"_s << u"M1,1 L2,1 L2,2 L1,1 M2,1 L3,1"_s;
    QTest::newRow("line breaks") << u"M1 1\nh1"_s << u"M1,1 L2,1"_s;
    QTest::newRow("doubled move") << u"M1 1h1MM2 2h1"_s << u"M1,1 L2,1 M2,2 L3,2"_s;
}

void TestSvgPath::understands()
{
    QFETCH(QString, data);
    QFETCH(QString, expected);
    const std::optional<QPainterPath> path = ui::svgPath(data);
    QVERIFY(path);
    QCOMPARE(describe(*path), expected);
}

void TestSvgPath::refuses_data()
{
    QTest::addColumn<QString>("data");
    for (const QString& data : {u"M1"_s, u"M1 2 3"_s, u"a1 1 0 0 0 1 1"_s, u"1 2"_s, u"M1 x"_s, u"M1 1e999"_s,
                                u"M1 -"_s, u"M0 0 L1 nan"_s, u"M999999999 0"_s, u"M0 0h1z1"_s, u"M0 0hvh1"_s})
        QTest::newRow(qPrintable(data)) << data;
}

void TestSvgPath::refuses()
{
    QFETCH(QString, data);
    QVERIFY(!ui::svgPath(data));
}

void TestSvgPath::randomData()
{
    const unsigned seed = std::random_device{}();
    qInfo("seed %u", seed);
    std::mt19937 random(seed);
    const QString alphabet = u"MmLlHhVvCcSsQqTtZzAa0123456789.-+eE ,\n"_s;
    int understood = 0;
    for (int round = 0; round < 3000; ++round) {
        QString data = u"M0 0"_s;
        for (unsigned i = random() % 12; i > 0; --i)
            data += alphabet[static_cast<qsizetype>(random() % static_cast<unsigned>(alphabet.size()))];
        if (const std::optional<QPainterPath> path = ui::svgPath(data)) {
            ++understood;
            QVERIFY(path->boundingRect().isValid() || path->elementCount() < 2 ||
                    path->boundingRect().isNull() || path->boundingRect().isEmpty());
        }
    }
    QVERIFY(understood > 0);
}

QTEST_APPLESS_MAIN(TestSvgPath)
#include "test_svg_path.moc"
