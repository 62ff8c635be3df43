// SPDX-License-Identifier: MIT
// A table in a card of its own: hairlines between rows, columns as wide as their words, sideways scrolling
// inside the card where the page is too narrow.
import QtQuick
import QtQuick.Controls.Basic
import Fathom
import Fathom.Core

Item {
    id: block

    required property var row
    required property real column
    required property real wide
    readonly property var table: row.table ?? null
    readonly property bool opens: row.continuation !== true
    readonly property bool closes: row.continued !== true
    readonly property real indent: (row.quote ?? 0) * Theme.gap16 + (row.indent ?? 0) * Theme.gap24
    readonly property alias body: card
    readonly property bool rightToLeft: table ? table.rightToLeft : false
    readonly property var widths: layout(table ? table.widths : [])
    readonly property real total: widths.reduce((sum, width) => sum + width, 0)
    readonly property bool scrolls: total > card.width
    readonly property real outer: indent > 0 ? column : Math.max(column, Math.min(wide, total + indent + 2))

    // Natural widths; stretched to the column if they are less, squeezed to readable ones if they are more.
    function layout(letters) {
        const natural = letters.map(count => Math.max(Theme.px(56), Math.ceil(count * Theme.px(16.6) / 2) + Theme.px(32)))
        const sum = natural.reduce((total, width) => total + width, 0)
        const room = column - indent - 2
        if (sum <= room)
            return natural.map(width => width * room / sum)
        const space = wide - indent - 2
        return sum <= space ? natural
            : natural.map(width => Math.max(Math.min(width, Theme.px(150)), width * space / sum))
    }

    FontMetrics {
        id: headLetters
        font.family: Theme.uiFont
        font.pixelSize: Theme.captionSize
    }
    FontMetrics {
        id: letters
        font.family: Theme.uiFont
        font.pixelSize: Theme.interfaceSize + 1
    }

    implicitHeight: card.height
    Accessible.role: Accessible.Table
    Accessible.name: qsTr("Table")

    Item {
        id: card
        x: (block.width - block.outer) / 2 + block.indent
        width: block.outer - block.indent
        height: rows.height + 2 + (block.scrolls && block.closes ? Theme.gap12 : 0)
        clip: !block.opens || !block.closes

        Rectangle {
            anchors.fill: parent
            anchors.topMargin: block.opens ? 0 : -2 * radius
            anchors.bottomMargin: block.closes ? 0 : -2 * radius
            radius: Theme.cardRadius
            color: "transparent"
            border.width: Theme.hairline
            border.color: Theme.line
        }
        Flickable {
            id: flick
            anchors.fill: parent
            anchors.margins: 1
            contentWidth: Math.max(block.total, width)
            contentHeight: height
            flickableDirection: Flickable.HorizontalFlick
            boundsBehavior: Flickable.StopAtBounds
            clip: true
            Column {
                id: rows
                Repeater {
                    model: block.table
                    Item {
                        id: line
                        required property int index
                        required property bool header
                        required property var cells
                        width: block.total
                        readonly property real ascent: header ? headLetters.ascent : letters.ascent
                        height: cellRow.fullHeight
                        Rectangle {
                            visible: line.index > 0 || !block.opens
                            width: Math.max(parent.width, flick.width)
                            height: Theme.hairline
                            color: Theme.line
                        }
                        Row {
                            id: cellRow
                            // The first lines of a row stand on one baseline, also where a formula is tall.
                            property real ascent: 0
                            property real fullHeight: 0
                            layoutDirection: block.rightToLeft ? Qt.RightToLeft : Qt.LeftToRight
                            function align() {
                                const cells = Array.from(children).filter(child => child.ascent !== undefined)
                                const most = Math.max(...cells.map(cell => cell.ascent))
                                fullHeight = Math.max(...cells.map(cell => cell.height + most - cell.ascent))
                                ascent = most
                            }
                            Repeater {
                                model: block.table ? block.table.columns : 0
                                Text {
                                    id: cell
                                    required property int index
                                    readonly property string alignment: block.table
                                        ? block.table.alignments[index] : "left"
                                    readonly property bool end: (alignment === "right") !== block.rightToLeft
                                    readonly property real ascent: Math.max(line.ascent, formulas.ascent)
                                    onAscentChanged: cellRow.align()
                                    onHeightChanged: cellRow.align()
                                    y: cellRow.ascent - ascent
                                    text: Theme.richStyle + formulas.rich
                                    textFormat: Text.RichText
                                    width: block.widths[index] ?? 0
                                    wrapMode: Text.Wrap
                                    leftPadding: Theme.gap16 - 1
                                    rightPadding: Theme.gap16 - 1
                                    topPadding: Theme.gap8
                                    bottomPadding: formulas.ascent > 0 ? 2 : Theme.gap8 // its picture has room below
                                    horizontalAlignment: alignment === "center" ? Text.AlignHCenter
                                        : end ? Text.AlignRight : Text.AlignLeft
                                    font: line.header ? headLetters.font : letters.font
                                    color: line.header ? Theme.textMuted : Theme.text
                                    onLinkActivated: link => Platform.openLink(link)
                                    Accessible.role: line.header ? Accessible.ColumnHeader : Accessible.Cell
                                    Accessible.name: line.cells[index] ?? ""
                                    FormulaText {
                                        id: formulas
                                        formulas: Formulas
                                        html: line.cells[cell.index] ?? ""
                                        textSize: cell.font.pixelSize
                                        anchored: cell.horizontalAlignment !== Text.AlignLeft
                                        maximumWidth: cell.width - cell.leftPadding - cell.rightPadding
                                        ratio: Theme.devicePixelRatio
                                        color: cell.color
                                    }
                                }
                            }
                        }
                    }
                }
            }
            ScrollBar.horizontal: FScrollBar { visible: block.scrolls && block.closes }
        }
    }
}
