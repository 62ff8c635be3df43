// SPDX-License-Identifier: MIT
#pragma once

#include "ui/markdown/inline_html.h"

#include <QObject>
#include <QtQml/qqmlregistration.h>

namespace ui {

// Makes rich text that shows exactly the given text.
class Markup : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_SINGLETON

public:
    using QObject::QObject;

    Q_INVOKABLE QString escape(const QString& text) const { return escapedHtml(text); }
};

} // namespace ui
