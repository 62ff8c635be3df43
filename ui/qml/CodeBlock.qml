// SPDX-License-Identifier: MIT
// A piece of code (or the source of a formula) in a card of its own that scrolls sideways inside. Long code
// comes in several pieces, which join without a seam.
import QtQuick
import QtQuick.Controls.Basic
import Fathom
import Fathom.Core

Item {
    id: block

    required property var row
    required property real column
    required property real wide
    property Item keys // sees the keys first
    readonly property alias textItem: edit
    readonly property bool formula: row.type === "math"
    readonly property bool opens: row.continuation !== true
    readonly property bool closes: row.continued !== true
    readonly property real indent: (row.quote ?? 0) * Theme.gap16 + (row.indent ?? 0) * Theme.gap24
    readonly property real wanted: Math.ceil(edit.implicitWidth) + 2 * Theme.gap16 + indent
    readonly property real outer: indent > 0 ? column : Math.max(column, Math.min(wide, wanted))
    readonly property bool scrolls: edit.implicitWidth + 2 * Theme.gap16 > card.width

    implicitHeight: card.height
    Accessible.role: Accessible.Paragraph
    Accessible.name: formula ? qsTr("Formula") : qsTr("Code, %1").arg(row.language || qsTr("plain text"))

    Item {
        id: card
        x: (block.width - block.outer) / 2 + block.indent
        width: block.outer - block.indent
        height: (block.opens ? head.height : 0) + flick.height
            + (block.closes ? (scrolls ? Theme.gap16 : Theme.gap12) : 0)
        clip: !block.opens || !block.closes

        Rectangle {
            anchors.fill: parent
            anchors.topMargin: block.opens ? 0 : -2 * radius
            anchors.bottomMargin: block.closes ? 0 : -2 * radius
            radius: Theme.cardRadius
            color: Theme.surface
            border.width: Theme.hairline
            border.color: Theme.line
        }
        Item {
            id: head
            visible: block.opens
            width: parent.width
            height: block.formula ? Theme.gap12 : Theme.px(36)
            FText {
                visible: !block.formula
                x: Theme.gap16
                anchors.verticalCenter: parent.verticalCenter
                width: parent.width - Theme.px(140)
                text: block.row.language || qsTr("text")
                font.pixelSize: Theme.captionSize
                color: Theme.textMuted
            }
            AbstractButton {
                id: copy
                property bool done: false
                visible: !block.formula
                anchors.right: parent.right
                anchors.rightMargin: Theme.gap8
                anchors.verticalCenter: parent.verticalCenter
                implicitHeight: Theme.px(26)
                implicitWidth: copyRow.implicitWidth + Theme.gap16
                focusPolicy: Qt.TabFocus
                hoverEnabled: true
                text: done ? qsTr("Copied") : qsTr("Copy")
                Accessible.role: Accessible.Button
                Accessible.name: qsTr("Copy code")
                onClicked: {
                    Chat.copyText(block.row.blocks.codeAt(block.row.block))
                    done = true
                    back.restart()
                }
                Keys.onReturnPressed: click()
                Timer {
                    id: back
                    interval: 1500
                    onTriggered: copy.done = false
                }
                contentItem: Item {
                    Row {
                        id: copyRow
                        anchors.centerIn: parent
                        spacing: Theme.gap4 + 1
                        Icon {
                            anchors.verticalCenter: parent.verticalCenter
                            width: Theme.px(15)
                            height: width
                            name: copy.done ? "check" : "copy"
                            color: copy.hovered ? Theme.text : Theme.textMuted
                        }
                        FText {
                            anchors.verticalCenter: parent.verticalCenter
                            text: copy.text
                            font.pixelSize: Theme.captionSize
                            color: copy.hovered ? Theme.text : Theme.textMuted
                        }
                    }
                }
                background: Rectangle {
                    radius: Theme.radius
                    color: copy.hovered || copy.down ? Theme.hover(copy.down) : "transparent"
                    FocusRing { target: copy }
                }
            }
        }
        Flickable {
            id: flick
            y: block.opens ? head.height : 0
            x: 1
            width: parent.width - 2
            height: edit.implicitHeight
            contentWidth: edit.implicitWidth + 2 * Theme.gap16
            contentHeight: height
            flickableDirection: Flickable.HorizontalFlick
            boundsBehavior: Flickable.StopAtBounds
            clip: true
            TextEdit {
                id: edit
                x: Theme.gap16 - 1
                readOnly: true
                selectByMouse: true
                Keys.forwardTo: block.keys ? [block.keys] : []
                textFormat: TextEdit.PlainText
                wrapMode: TextEdit.NoWrap
                font.family: Theme.codeFont
                font.pixelSize: Theme.codeSize
                color: Theme.text
                selectionColor: Theme.mix(Theme.window, Theme.accent, 0.3)
                selectedTextColor: Theme.text
                Accessible.role: Accessible.StaticText
                Accessible.name: qsTr("Code")
                HoverHandler { cursorShape: Qt.IBeamCursor }
                CodeDocument {
                    document: edit.textDocument
                    code: block.row.code ?? null
                    colors: Theme.codeColors
                    lineHeight: Theme.px(20)
                }
            }
            ScrollBar.horizontal: FScrollBar {
                parent: card
                x: Theme.gap8
                y: card.height - height - 1
                width: card.width - Theme.gap16
                visible: block.closes && size < 1
            }
        }
    }
}
