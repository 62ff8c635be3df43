// SPDX-License-Identifier: MIT
#include "ui/qml/writing_guard.h"

#include "ui/qml/long_word.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QKeyEvent>
#include <QLocale>

namespace ui {

void WritingGuard::setField(QQuickItem* field)
{
    if (m_field == field)
        return;
    if (m_field) {
        m_field->removeEventFilter(this);
        disconnect(m_field, nullptr, this, nullptr);
    }
    m_field = field;
    if (m_field) {
        m_field->installEventFilter(this);
        connect(m_field, SIGNAL(textChanged()), this, SLOT(textChanged())); // of a type that QML alone knows
    }
    emit fieldChanged();
}

void WritingGuard::expect(const QString& text)
{
    if (hasLongWord(text))
        setUnbroken(true);
}

bool WritingGuard::eventFilter(QObject* watched, QEvent* event)
{
    const QClipboard* clipboard = QGuiApplication::clipboard();
    const auto keeps = [&](QClipboard::Mode mode) {
        if (admits(clipboard->text(mode)))
            return false;
        event->accept();
        return true;
    };
    if (event->type() == QEvent::KeyPress && static_cast<QKeyEvent*>(event)->matches(QKeySequence::Paste))
        return keeps(QClipboard::Clipboard);
    if (event->type() == QEvent::MouseButtonRelease && clipboard->supportsSelection() &&
        static_cast<QMouseEvent*>(event)->button() == Qt::MiddleButton)
        return keeps(QClipboard::Selection);
    return QObject::eventFilter(watched, event);
}

bool WritingGuard::admits(const QString& pasted)
{
    const int replaced =
        m_field->property("selectionEnd").toInt() - m_field->property("selectionStart").toInt();
    if (m_field->property("length").toInt() - replaced + pasted.size() > longest) {
        setRefusal(tr("That is too much: %1 letters. A text takes %2 at most.")
                       .arg(QLocale().toString(pasted.size()), QLocale().toString(longest)));
        return false;
    }
    if (const qsizetype lines = pasted.count(u'\n'); lines > most_lines) {
        setRefusal(tr("That is too much: %1 lines. A text takes %2 at once.")
                       .arg(QLocale().toString(lines), QLocale().toString(most_lines)));
        return false;
    }
    expect(pasted);
    return true;
}

void WritingGuard::textChanged()
{
    setRefusal({});
    if (m_unbroken)
        setUnbroken(hasLongWord(m_field->property("text").toString()));
}

void WritingGuard::setUnbroken(bool unbroken)
{
    if (m_unbroken != unbroken) {
        m_unbroken = unbroken;
        emit unbrokenChanged();
    }
}

void WritingGuard::setRefusal(const QString& refusal)
{
    if (m_refusal != refusal) {
        m_refusal = refusal;
        emit refusalChanged();
    }
}

} // namespace ui
