// SPDX-License-Identifier: MIT
#include "ui/message_text.h"

#include "ui/markdown/markdown_blocks.h"
#include "ui/text.h"

#include <QCoreApplication>
#include <QStringList>

#include <unordered_map>

namespace ui {

QString plainText(storage::Role role, const QString& source)
{
    if (role != storage::Role::assistant)
        return source;
    MarkdownBlocks blocks;
    blocks.setText(source);
    QStringList parts;
    for (int row = 0; row < blocks.count(); ++row)
        parts += blocks.plainAt(row).trimmed();
    parts.removeAll(QString());
    return parts.join(QStringLiteral("\n\n"));
}

QString joined(const std::vector<CopiedPiece>& pieces, const std::vector<storage::Message>& read, CopyAs as)
{
    std::unordered_map<storage::Id, const storage::Message*> texts;
    for (const storage::Message& message : read)
        texts.emplace(message.id, &message);
    const QString paragraph = QStringLiteral("\n\n");
    QStringList all;
    for (const CopiedPiece& piece : pieces) {
        QString text = piece.text;
        if (const auto found = texts.find(piece.unread); found != texts.end()) {
            const QString source = toQt(found->second->content);
            text = as == CopyAs::markdown ? source : plainText(piece.role, source);
        }
        if (text.isEmpty())
            continue;
        if (as == CopyAs::markdown && pieces.size() > 1)
            text.prepend((piece.role == storage::Role::user
                              ? QCoreApplication::translate("ChatModel", "**You:**")
                              : QCoreApplication::translate("ChatModel", "**Answer:**")) +
                         paragraph);
        all += text;
    }
    return all.join(paragraph);
}

} // namespace ui
