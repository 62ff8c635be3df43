// SPDX-License-Identifier: MIT
#include "ui/markdown/html_export.h"

#include "ui/markdown/block_parser.h"
#include "ui/markdown/inline_html.h"

#include <QString>
#include <QStringList>

#include <algorithm>

namespace ui {

namespace {

QString words(const QString& markdown)
{
    QString html = inlineHtml(markdown);
    html.replace(QLatin1String("<math>"), QLatin1String("<code>"));
    html.replace(QLatin1String("</math>"), QLatin1String("</code>"));
    return html;
}

// The blocks are flat and know how deep they stand; here the quotes and lists around them come back.
class Writer
{
public:
    void quoteAndList(const Block& block)
    {
        if (block.quote != m_quotes) {
            leaveLists(0);
            for (; m_quotes > block.quote; --m_quotes)
                m_html += QLatin1String("</blockquote>\n");
            for (; m_quotes < block.quote; ++m_quotes)
                m_html += QLatin1String("<blockquote>\n");
        }
        if (block.marker.isEmpty()) {
            leaveLists(block.indent);
            return;
        }
        const bool ordered = block.marker.at(0).isDigit();
        const QString list = QLatin1String(ordered ? "ol" : "ul");
        leaveLists(block.indent);
        if (m_lists.size() == block.indent && !m_lists.isEmpty()) {
            m_html += QLatin1String("</li>\n");
            if (m_lists.constLast() != list) {
                m_html += QLatin1String("</") + m_lists.takeLast() + QLatin1String(">\n");
            }
        }
        while (m_lists.size() < block.indent) {
            m_lists.append(list);
            m_html += u'<' + list;
            if (ordered) {
                const QString number = block.marker.left(block.marker.size() - 1);
                m_html += QLatin1String(" start=\"") + escapedHtml(number) + u'"';
            }
            m_html += m_lists.size() < block.indent ? QLatin1String("><li>\n") : QLatin1String(">\n");
        }
        m_html += QLatin1String("<li>");
        if (block.marker == u"☐" || block.marker == u"☑") // of a task
            m_html += block.marker + u' ';
    }

    void leaveAll()
    {
        leaveLists(0);
        for (; m_quotes > 0; --m_quotes)
            m_html += QLatin1String("</blockquote>\n");
    }

    QString& html() { return m_html; }

private:
    void leaveLists(int depth)
    {
        while (m_lists.size() > depth)
            m_html += QLatin1String("</li>\n</") + m_lists.takeLast() + QLatin1String(">\n");
    }

    QString m_html;
    QStringList m_lists; // "ul" or "ol", from outside
    int m_quotes = 0;
};

QString table(const QString& source, const std::vector<ColumnAlignment>& columns)
{
    QString html = QStringLiteral("<table>\n");
    bool head = true;
    for (const QString& row : source.split(u'\n', Qt::SkipEmptyParts)) {
        html += QLatin1String("<tr>");
        const std::vector<QString> cells = tableCells(row);
        for (std::size_t i = 0; i < columns.size(); ++i) {
            const char* side = columns[i] == ColumnAlignment::Right    ? " style=\"text-align:right\""
                               : columns[i] == ColumnAlignment::Center ? " style=\"text-align:center\""
                                                                       : "";
            const QLatin1String cell(head ? "th" : "td");
            html += u'<' + cell + QLatin1String(side) + u'>' +
                    (i < cells.size() ? words(cells[i]) : QString()) + QLatin1String("</") + cell + u'>';
        }
        html += QLatin1String("</tr>\n");
        head = false;
    }
    return html + QLatin1String("</table>\n");
}

} // namespace

std::string markdownToHtml(std::string_view markdown, std::string_view reasoning)
{
    BlockParser parser;
    parser.append(QString::fromUtf8(markdown.data(), static_cast<qsizetype>(markdown.size())));
    parser.finish();
    const std::vector<Block>& blocks = parser.blocks();

    Writer writer;
    QString& html = writer.html();
    qsizetype section = -1;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        const Block& block = blocks[i];
        if (section >= 0 && block.section != section) {
            writer.leaveAll();
            html += QLatin1String("</details>\n");
            section = -1;
        }
        if (block.kind == BlockKind::Think) {
            writer.leaveAll();
            html +=
                QLatin1String("<details><summary>") +
                escapedHtml(QString::fromUtf8(reasoning.data(), static_cast<qsizetype>(reasoning.size()))) +
                QLatin1String("</summary>\n");
            section = static_cast<qsizetype>(i);
            continue;
        }
        // Pieces that were cut for speed are one again.
        QString source = block.source;
        while (i + 1 < blocks.size() && blocks[i + 1].continuation && blocks[i + 1].kind == block.kind)
            source += blocks[++i].source;

        writer.quoteAndList(block);
        switch (block.kind) {
        case BlockKind::Paragraph:
            html += QLatin1String("<p>") + words(source) + QLatin1String("</p>\n");
            break;
        case BlockKind::Heading: {
            const QString name = u'h' + QString::number(std::min(6, block.level + 1)); // below the title
            html += u'<' + name + u'>' + words(source) + QLatin1String("</") + name + QLatin1String(">\n");
            break;
        }
        case BlockKind::Code:
        case BlockKind::Math:
            html += QLatin1String("<pre><code>") + source.toHtmlEscaped() + QLatin1String("</code></pre>\n");
            break;
        case BlockKind::Table:
            html += table(source, block.columns);
            break;
        case BlockKind::Rule:
            html += QLatin1String("<hr>\n");
            break;
        case BlockKind::Think:
            break;
        }
    }
    writer.leaveAll();
    if (section >= 0)
        html += QLatin1String("</details>\n");
    const QByteArray bytes = html.toUtf8();
    return {bytes.constData(), static_cast<std::size_t>(bytes.size())};
}

} // namespace ui
