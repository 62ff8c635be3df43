// SPDX-License-Identifier: MIT
// The block structure of Markdown, found line by line while the text still arrives. A line that is complete
// is read once and never again; only the unfinished last line is read tentatively and taken back when more
// of it comes. Containers (quotes, lists) are flattened: each block knows how deep it stands, so that a view
// can show any answer as one flat, virtualised list.
//
// The dialect is CommonMark 0.30 with GitHub's tables, strike-through and task lists, except that raw HTML is
// text, indented code is text (answers fence their code), and link reference definitions are text. Two things
// are added: formulas on lines of their own, in \\[ \\] or $$ $$, and <think> sections at the top level,
// whose blocks follow their Think block and name it.
#pragma once

#include <QString>
#include <QStringView>

#include <vector>

namespace ui {

enum class BlockKind
{
    Paragraph,
    Heading,
    Code,
    Math,
    Table,
    Rule,
    Think // opens a section of reasoning; has no source of its own
};

enum class ColumnAlignment
{
    Left,
    Center,
    Right
};

struct Block
{
    BlockKind kind = BlockKind::Paragraph;
    int level = 0;                 // of a heading, 1..6
    int indent = 0;                // lists it stands in
    int quote = 0;                 // quotes it stands in
    std::vector<int> quoteIndents; // of each quote from the outermost: the lists around it
    QString marker;                // "•", "3.", "☐" or "☑" on the first block of a list item
    QString language;              // of a code block, lower case; may be empty
    bool continuation =
        false;           // goes on with the block above: a long paragraph, table or code block, cut for speed
    bool closed = false; // a formula whose end has come, in one piece
    qsizetype section = -1;               // the Think block that it belongs to
    std::vector<ColumnAlignment> columns; // of a table
    // Paragraph, heading: inline Markdown. Code, math: the text itself, lines ended by '\n'; of a formula
    // with its delimiters. Table: rows as written, without the delimiter row, ended by '\n'; the first is the
    // head unless continuation is set.
    QString source;
    qsizetype dirtyFrom = 0; // first letter of source that changed since clearDirty()
};

class BlockParser
{
public:
    // Takes more text; amortised O(text), however it is cut into pieces.
    void append(QStringView text);
    // The text is complete: what was held back or read tentatively becomes final.
    void finish();
    void clear();

    const std::vector<Block>& blocks() const { return m_blocks; }
    // The Think block whose section has not ended; -1 if there is none.
    qsizetype openSection() const { return m_state.section; }
    // Blocks before this one are as they were at the last clearDirty().
    qsizetype firstDirty() const { return m_firstDirty; }
    void clearDirty();
    // Letters looked at since construction, for the proof of linear work.
    qint64 work() const { return m_work; }

private:
    struct Container
    {
        bool item = false;     // a list item, else a quote
        int contentIndent = 0; // columns that belong to the item's marker
        QChar delimiter;       // '-', '*', '+', '.' or ')'
        int ordinal = 0;       // of an ordered item
        QString marker;
        bool started = false; // its first block stands and shows the marker
    };
    enum class Leaf
    {
        None,
        Paragraph,
        Fence,
        Math,
        Table
    };
    struct State
    {
        std::vector<Container> containers;
        Leaf leaf = Leaf::None;
        QChar fence;
        int fenceLength = 0;
        int fenceIndent = 0;
        int pieceLines = 0;      // lines or rows in the current piece of a code block or table
        QString mathEnd;         // "$$" or "\\]"
        qsizetype section = -1;  // the open Think block
        bool midLine = false;    // the part fed last did not end its line
        bool ignoreRest = false; // of a line that was structure only (an opening fence)
    };
    struct Line
    {
        QStringView text;
        qsizetype position = 0; // behind the markers of the containers
        size_t matched = 0;     // containers that go on in this line
        bool opened = false;    // this line opened a container
        bool ends = false;      // the line is complete, else the beginning of one
        int indent() const;     // columns of white space at position
        qsizetype content() const;
        QStringView rest() const { return text.sliced(content()); }
    };
    struct Undo
    {
        State state;
        size_t blocks = 0;
        qsizetype sourceLength = 0; // of the last of them
    };

    void readPending(bool complete);
    void showPending();
    void takeBackPending();
    bool heldBack(QStringView text) const;
    void feed(QStringView text, bool ends);
    void read(QStringView text, bool ends);
    bool startSection(QStringView text, bool ends);
    qsizetype sectionEnd(QStringView text) const;
    void line(QStringView text, bool ends);
    void continueLine(QStringView text, bool ends);
    void matchContainers(Line& line) const;
    bool continueVerbatim(const Line& line);
    // Each tries to begin its block at the line's position and tells whether it did.
    bool startQuote(Line& line);
    bool startItem(Line& line);
    bool startLeaf(Line& line);
    bool startHeading(const Line& line);
    bool startFence(const Line& line);
    bool startMath(const Line& line);
    void appendMath(QStringView text, qsizetype from, bool ends);
    bool startRule(const Line& line);
    bool startTable(const Line& line);
    bool endSetextHeading(const Line& line);
    bool inParagraph(const Line& line) const;
    void closeLeafAndContainers(size_t remaining);
    Block& push(BlockKind kind);
    void continuePiece(bool full);
    void appendVerbatim(QStringView text, bool ends);
    void appendRow(QStringView text, bool ends);
    void appendParagraph(QStringView text, bool newLine);
    void appendSource(QStringView text);
    void touch(size_t block, qsizetype position);

    State m_state;
    std::vector<Block> m_blocks;
    QString m_pending; // the unfinished last line, not yet part of m_state
    Undo m_undo;
    bool m_tentative = false; // m_pending is shown; m_undo leads back
    qsizetype m_firstDirty = 0;
    qint64 m_work = 0;
};

// The cells of one table row as written, without the outer pipes; "\|" is a letter of its cell.
std::vector<QString> tableCells(QStringView row);

// What is between the delimiters of a formula as written, with the punctuation that stands behind them; empty
// if it is none.
QString formulaTex(QStringView source);

} // namespace ui
