// SPDX-License-Identifier: MIT
// Keeps a field of several lines quick, whatever is pasted into it: more than the longest text that a field
// takes is refused, and `unbroken` says how the field is to wrap before the text is in it.
#pragma once

#include <QPointer>
#include <QQuickItem>
#include <QtQml/qqmlregistration.h>

namespace ui {

class WritingGuard : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    Q_PROPERTY(QQuickItem* field READ field WRITE setField NOTIFY fieldChanged) // a TextArea
    Q_PROPERTY(bool unbroken READ unbroken NOTIFY unbrokenChanged)              // see hasLongWord()
    Q_PROPERTY(QString refusal READ refusal NOTIFY refusalChanged)              // until the text changes

public:
    // Letters in a field. More than any model's context holds, and laid out in about a second.
    static constexpr qsizetype longest = 1'000'000;
    static constexpr qsizetype most_lines = 50'000; // at once, for the same reason

    using QObject::QObject;

    QQuickItem* field() const { return m_field; }
    void setField(QQuickItem* field);
    bool unbroken() const { return m_unbroken; }
    QString refusal() const { return m_refusal; }

    // This text is about to be set by the program.
    Q_INVOKABLE void expect(const QString& text);

    bool eventFilter(QObject* watched, QEvent* event) override;

signals:
    void fieldChanged();
    void unbrokenChanged();
    void refusalChanged();

private slots:
    void textChanged();

private:
    bool admits(const QString& pasted);
    void setUnbroken(bool unbroken);
    void setRefusal(const QString& refusal);

    QPointer<QQuickItem> m_field;
    bool m_unbroken = false;
    QString m_refusal;
};

} // namespace ui
