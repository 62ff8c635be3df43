// SPDX-License-Identifier: MIT
#pragma once

#include <QPainterPath>
#include <QStringView>

#include <optional>

namespace ui {

// The outline that the d attribute of an SVG path describes; nothing if it is not understood (arcs are not).
std::optional<QPainterPath> svgPath(QStringView data);

} // namespace ui
