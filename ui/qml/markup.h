// SPDX-License-Identifier: MIT
#pragma once

#include "ui/markdown/inline_html.h"

#include <QObject>
#include <QtQml/qqmlregistration.h>

namespace ui {

// What QML asks about texts and rich text.
class Markup : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_SINGLETON

public:
    using QObject::QObject;

    // Rich text that shows exactly this text.
    Q_INVOKABLE QString escape(const QString& text) const { return escapedHtml(text); }
    // The words of a message's beginning on one line, without the marks of its Markdown.
    Q_INVOKABLE QString plainLine(const QString& preview) const
    {
        return inlinePlain(withoutBlockMarks(preview));
    }
    // Whether what inlineHtml() wrote begins with a letter that is written from right to left.
    Q_INVOKABLE bool rightToLeft(const QString& html) const { return isRightToLeft(html); }
};

} // namespace ui
