// SPDX-License-Identifier: MIT
#pragma once

#include "storage/chat.h"

#include <QString>
#include <QVariantMap>

namespace ui {

// The names that QML knows.
QString nameOf(storage::Role role);
QString nameOf(storage::Status status);
QString nameOf(storage::FinishReason reason);

// The sentence below an answer that did not end by itself; empty where there is nothing to say.
QString noticeOf(const storage::Message& message);

// How an answer was asked for, for its details; empty for what the person wrote.
QVariantMap factsOf(const storage::Message& message);

// An answer has ended, whether the disk has it already or not.
void takeResult(storage::Message& message, const storage::AnswerResult& result);

} // namespace ui
