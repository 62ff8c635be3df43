// SPDX-License-Identifier: MIT
#include "ui/formula/svg_path.h"

#include <array>
#include <cmath>

namespace ui {

namespace {

constexpr double kLargest = 1e8; // KaTeX draws lines of 40,000,040 units

class Reader
{
public:
    explicit Reader(QStringView data)
        : m_data(data)
    {
    }

    // The next command, the one before if numbers follow it directly, 0 at the end. What follows nothing or
    // the end of an outline directly is not understood.
    QChar command()
    {
        skip();
        if (m_at == m_data.size()) {
            return {};
        }
        if (m_data[m_at].isLetter()) {
            m_command = m_data[m_at++];
            if (m_at < m_data.size() && m_data[m_at] == m_command) {
                ++m_at; // KaTeX 0.16.4 writes MM for the left floor and ceiling
            }
        } else if (m_command.isNull() || m_command.toLower() == u'z') {
            m_command = u'?';
        } else if (m_command == u'M' || m_command == u'm') {
            m_command = m_command == u'M' ? u'L' : u'l';
        }
        return m_command;
    }

    bool number(double& value)
    {
        skip();
        const qsizetype begin = m_at;
        bool point = false;
        bool exponent = false;
        for (; m_at < m_data.size(); ++m_at) {
            const QChar c = m_data[m_at];
            const bool sign = c == u'-' || c == u'+';
            const bool first = m_at == begin || m_data[m_at - 1] == u'e' || m_data[m_at - 1] == u'E';
            if (c == u'.' && !point && !exponent) {
                point = true;
            } else if ((c == u'e' || c == u'E') && !exponent && m_at > begin) {
                exponent = true;
            } else if (!(c >= u'0' && c <= u'9') && !(sign && first)) {
                break;
            }
        }
        bool ok = false;
        value = m_data.sliced(begin, m_at - begin).toDouble(&ok);
        return ok && std::abs(value) <= kLargest;
    }

private:
    void skip()
    {
        while (m_at < m_data.size() && (m_data[m_at].isSpace() || m_data[m_at] == u',')) {
            ++m_at;
        }
    }

    QStringView m_data;
    qsizetype m_at = 0;
    QChar m_command;
};

// How many numbers a command takes; -1 if it is unknown.
int arity(QChar command)
{
    switch (command.toLower().unicode()) {
    case u'z':
        return 0;
    case u'h':
    case u'v':
        return 1;
    case u'm':
    case u'l':
    case u't':
        return 2;
    case u's':
    case u'q':
        return 4;
    case u'c':
        return 6;
    default:
        return -1;
    }
}

} // namespace

std::optional<QPainterPath> svgPath(QStringView data)
{
    Reader reader(data);
    QPainterPath path;
    path.setFillRule(Qt::WindingFill);
    QPointF at;
    QPointF control; // of the curve before, for a smooth one
    QChar before;
    for (QChar command = reader.command(); !command.isNull(); command = reader.command()) {
        const int count = arity(command);
        if (count < 0) {
            return std::nullopt;
        }
        std::array<double, 6> n{};
        for (int i = 0; i < count; ++i) {
            if (!reader.number(n[static_cast<size_t>(i)])) {
                return std::nullopt;
            }
        }
        const QPointF origin = command.isLower() ? at : QPointF();
        const auto point = [&](size_t i) { return origin + QPointF(n[i], n[i + 1]); };
        const QChar kind = command.toLower();
        const bool smooth = (kind == u's' && (before == u'c' || before == u's')) ||
                            (kind == u't' && (before == u'q' || before == u't'));
        const QPointF mirrored = smooth ? 2 * at - control : at;
        switch (kind.unicode()) {
        case u'z':
            path.closeSubpath();
            at = path.currentPosition();
            break;
        case u'm':
            at = point(0);
            path.moveTo(at);
            break;
        case u'l':
            at = point(0);
            path.lineTo(at);
            break;
        case u'h':
            at.setX(origin.x() + n[0]);
            path.lineTo(at);
            break;
        case u'v':
            at.setY(origin.y() + n[0]);
            path.lineTo(at);
            break;
        case u'c':
            control = point(2);
            path.cubicTo(point(0), control, point(4));
            at = point(4);
            break;
        case u's':
            control = point(0);
            path.cubicTo(mirrored, control, point(2));
            at = point(2);
            break;
        case u'q':
            control = point(0);
            path.quadTo(control, point(2));
            at = point(2);
            break;
        case u't':
            control = mirrored;
            path.quadTo(control, point(0));
            at = point(0);
            break;
        default: // arity() knows no other
            break;
        }
        before = kind;
    }
    return path;
}

} // namespace ui
