// SPDX-License-Identifier: MIT
// A paragraph or heading of an answer, with the marker of its list item.
import QtQuick
import Fathom
import Fathom.Core

Item {
    id: block

    required property var row
    required property real column
    property Item keys // sees the keys first
    readonly property alias textItem: body
    readonly property bool heading: row.type === "heading"
    readonly property int level: row.level ?? 0
    readonly property real indent: (row.quote ?? 0) * Theme.gap16 + (row.indent ?? 0) * Theme.gap24
    readonly property bool rightToLeft: Markup.rightToLeft(row.html ?? "")
    readonly property bool writing: row.status === "streaming" && row.lastBlock === true

    implicitHeight: body.implicitHeight
    Accessible.role: heading ? Accessible.Heading : Accessible.Paragraph
    Accessible.name: body.length >= 0 ? body.plainText() : ""

    Item {
        id: frame
        x: (block.width - block.column) / 2
        width: block.column
        height: parent.height

        FText {
            readonly property bool bullet: text === "•"
            visible: text !== ""
            text: block.row.marker ?? ""
            x: block.rightToLeft ? block.column - block.indent + Theme.gap8 : block.indent - width - Theme.gap8
            y: (body.lineHeight - height) / 2
            font.pixelSize: bullet ? Theme.titleSize : Theme.readingSize
            color: Theme.textMuted
            elide: Text.ElideNone
        }
        FRich {
            id: body
            lineHeight: Math.round(font.pixelSize * (block.heading ? 1.35 : Theme.readingLine))
            x: block.rightToLeft ? 0 : block.indent
            width: block.column - block.indent
            html: block.row.html ?? ""
            Keys.forwardTo: block.keys ? [block.keys] : []
            font.pixelSize: !block.heading ? Theme.readingSize : block.level === 1 ? Theme.pageTitleSize
                : block.level === 2 ? Theme.titleSize : Theme.readingSize
            font.weight: block.heading ? Theme.strong : Theme.regular
            color: (block.row.quote ?? 0) > 0 ? Theme.textMuted : Theme.text

            Rectangle {
                readonly property rect end: body.length >= 0 && body.contentHeight >= 0
                    ? body.positionToRectangle(body.length) : Qt.rect(0, 0, 0, 0)
                visible: block.writing
                x: end.x + 2
                y: end.y + (end.height - height) / 2
                width: Theme.px(2)
                height: Theme.px(17)
                radius: 1
                color: Theme.accent
                opacity: 0.7
            }
        }
    }
}
