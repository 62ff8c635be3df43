// SPDX-License-Identifier: MIT
#include "ui/qml/icon.h"

#include <QPainter>
#include <QPainterPath>

#include <array>
#include <charconv>
#include <string_view>

namespace ui {

namespace {

// M x y: move; L x y: line; C x y x y x y: curve; Z: close; O x y r: circle; R x y w h r: round rectangle;
// F: what follows is filled.
struct Drawing
{
    std::string_view name;
    std::string_view path;
};

constexpr std::array<Drawing, 39> kDrawings = {{
    {"plus", "M 10 4 L 10 16 M 4 10 L 16 10"},
    {"search", "O 9 9 5 M 12.7 12.7 L 16.5 16.5"},
    {"sidebar", "R 3 4 14 12 2 M 8 4 L 8 16"},
    {"pin", "M 7 3.5 L 13 3.5 M 8 3.5 L 8 9 L 5.5 12 L 14.5 12 L 12 9 L 12 3.5 M 10 12 L 10 17"},
    {"trash",
     "M 4 5.5 L 16 5.5 M 8 5.5 L 8 3.5 L 12 3.5 L 12 5.5 M 5.5 5.5 L 6.2 16.5 L 13.8 16.5 L 14.5 5.5 "
     "M 8.5 8.5 L 8.7 13.5 M 11.5 8.5 L 11.3 13.5"},
    {"pencil", "M 4 16 L 4.8 12.6 L 13.2 4.2 L 15.8 6.8 L 7.4 15.2 Z M 11.4 6 L 14 8.6"},
    {"copy", "R 7 7 9.5 9.5 1.5 M 4.8 13 L 3.5 13 L 3.5 4.8 C 3.5 4 4 3.5 4.8 3.5 L 13 3.5 L 13 4.8"},
    {"check", "M 4 10.5 L 8.2 14.7 L 16 5.8"},
    {"regenerate",
     "M 15.4 7.2 C 14.4 5.2 12.4 4 10 4 C 6.7 4 4 6.7 4 10 C 4 13.3 6.7 16 10 16 C 13 16 15.5 13.8 "
     "15.9 11 M 15.8 3.6 L 15.8 7.4 L 12 7.4"},
    {"branch", "O 6 5 1.8 O 6 15 1.8 O 14 7 1.8 M 6 6.8 L 6 13.2 M 14 8.8 C 14 11.5 9 10.5 6.4 13.2"},
    {"info", "O 10 10 6.5 M 10 9.2 L 10 13.4 M 10 6.6 L 10 6.7"},
    {"left", "M 12 5 L 7 10 L 12 15"},
    {"right", "M 8 5 L 13 10 L 8 15"},
    {"down", "M 5 8 L 10 13 L 15 8"},
    {"up", "M 5 12 L 10 7 L 15 12"},
    {"send", "M 10 16 L 10 4.5 M 5 9.2 L 10 4.2 L 15 9.2"},
    {"stop", "F R 5.5 5.5 9 9 1.5"},
    {"settings", "M 3 6 L 10 6 M 14 6 L 17 6 O 12 6 2 M 3 14 L 6 14 M 10 14 L 17 14 O 8 14 2"},
    {"models",
     "M 10 3 L 16 6.4 L 16 13.6 L 10 17 L 4 13.6 L 4 6.4 Z M 4.2 6.5 L 10 10 L 15.8 6.5 M 10 10 L 10 16.8"},
    {"close", "M 5 5 L 15 15 M 15 5 L 5 15"},
    {"more", "F O 4.5 10 1.2 O 10 10 1.2 O 15.5 10 1.2"},
    {"archive", "R 3 4 14 3.5 1 M 4.5 7.5 L 4.5 16 L 15.5 16 L 15.5 7.5 M 8 10.5 L 12 10.5"},
    {"undo", "M 7.5 4.5 L 4 8 L 7.5 11.5 M 4 8 L 12 8 C 14.4 8 16 9.8 16 12 C 16 14.2 14.4 16 12 16 L 9 16"},
    {"warning", "M 10 3.6 L 17 16 L 3 16 Z M 10 8 L 10 12 M 10 13.9 L 10 14"},
    {"folder", "M 3 5.5 L 3 15.5 L 17 15.5 L 17 7 L 10 7 L 8.4 4.8 L 3 4.8 Z"},
    {"chat", "M 4 4.5 L 16 4.5 L 16 13.5 L 9.5 13.5 L 6 16.5 L 6 13.5 L 4 13.5 Z"},
    {"lock", "R 4.5 9 11 7.5 1.5 M 7 9 L 7 6.8 C 7 5 8.3 3.6 10 3.6 C 11.7 3.6 13 5 13 6.8 L 13 9"},
    {"reset",
     "M 4.6 7.2 C 5.6 5.2 7.6 4 10 4 C 13.3 4 16 6.7 16 10 C 16 13.3 13.3 16 10 16 C 7 16 4.5 13.8 4.1 11 "
     "M 4.2 3.6 L 4.2 7.4 L 8 7.4"},
    {"play", "M 7 4.8 L 15 10 L 7 15.2 Z"},
    {"arrow-down", "M 10 4 L 10 15.5 M 5 10.8 L 10 15.8 L 15 10.8"},
    {"back", "M 16 10 L 4.5 10 M 9.2 5 L 4.2 10 L 9.2 15"},
    {"palette", "O 10 10 6.5 F O 7.2 8.6 0.9 O 10.4 6.8 0.9 O 13 9.2 0.9"},
    {"speed", "M 4.4 14.5 C 3 11 4.5 5 10 5 C 15.5 5 17 11 15.6 14.5 M 10 12.5 L 13 8.5"},
    {"hidden",
     "M 3 10 C 5 6.6 7.3 5 10 5 C 12.7 5 15 6.6 17 10 C 15 13.4 12.7 15 10 15 C 7.3 15 5 13.4 3 10 Z "
     "M 4.5 16 L 15.5 4"},
    {"tag", "M 3.5 4 L 10 4 L 16.5 10.5 L 10.5 16.5 L 3.5 9.5 Z O 7 7.5 1"},
    {"export", "M 10 12.5 L 10 3.5 M 6.5 6.8 L 10 3.2 L 13.5 6.8 M 4 11.5 L 4 16 L 16 16 L 16 11.5"},
    {"import", "M 10 3.5 L 10 12.5 M 6.5 9.2 L 10 12.8 L 13.5 9.2 M 4 11.5 L 4 16 L 16 16 L 16 11.5"},
    {"minus", "M 4.5 10 L 15.5 10"},
    {"text", "M 4 6 L 16 6 M 4 10 L 16 10 M 4 14 L 11 14"},
}};

class Pen
{
public:
    explicit Pen(std::string_view path)
        : m_path(path)
    {
    }

    void draw(QPainter& painter, const QColor& color)
    {
        const QPen line(color, 1.5, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin);
        painter.setPen(line);
        QPainterPath outline;
        while (const char command = next()) {
            switch (command) {
            case 'M':
                outline.moveTo(point());
                break;
            case 'L':
                outline.lineTo(point());
                break;
            case 'C': {
                const QPointF a = point();
                const QPointF b = point();
                outline.cubicTo(a, b, point());
                break;
            }
            case 'Z':
                outline.closeSubpath();
                break;
            case 'O': {
                const QPointF center = point();
                const qreal radius = number();
                outline.addEllipse(center, radius, radius);
                break;
            }
            case 'R': {
                const QPointF corner = point();
                const QPointF size = point();
                const qreal radius = number();
                outline.addRoundedRect(QRectF(corner.x(), corner.y(), size.x(), size.y()), radius, radius);
                break;
            }
            case 'F':
                painter.drawPath(outline);
                outline.clear();
                painter.setPen(Qt::NoPen);
                painter.setBrush(color);
                break;
            default:
                return;
            }
        }
        painter.drawPath(outline);
    }

private:
    void skipBlanks()
    {
        while (!m_path.empty() && m_path.front() == ' ') {
            m_path.remove_prefix(1);
        }
    }

    char next()
    {
        skipBlanks();
        if (m_path.empty()) {
            return 0;
        }
        const char command = m_path.front();
        m_path.remove_prefix(1);
        return command;
    }

    qreal number()
    {
        skipBlanks();
        double value = 0;
        const auto result = std::from_chars(m_path.data(), m_path.data() + m_path.size(), value);
        m_path.remove_prefix(static_cast<size_t>(result.ptr - m_path.data()));
        return value;
    }

    QPointF point()
    {
        const qreal x = number();
        return {x, number()};
    }

    std::string_view m_path;
};

} // namespace

Icon::Icon(QQuickItem* parent)
    : QQuickPaintedItem(parent)
{
    setImplicitSize(20, 20);
    setAntialiasing(true);
}

void Icon::setName(const QString& name)
{
    if (m_name != name) {
        m_name = name;
        update();
        emit nameChanged();
    }
}

void Icon::setColor(const QColor& color)
{
    if (m_color != color) {
        m_color = color;
        update();
        emit colorChanged();
    }
}

void Icon::paint(QPainter* painter)
{
    const std::string name = m_name.toStdString();
    for (const Drawing& drawing : kDrawings) {
        if (drawing.name == name) {
            painter->setRenderHint(QPainter::Antialiasing);
            painter->scale(width() / 20, height() / 20);
            Pen(drawing.path).draw(*painter, m_color);
        }
    }
}

} // namespace ui
