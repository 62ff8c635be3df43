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
    readonly property real wanted: Math.ceil(edit.implicitWidth) + 2 * Theme.gap16 + 2 + indent
    readonly property real outer: indent > 0 ? column : Math.max(column, Math.min(wide, wanted))
    readonly property bool wrapped: row.wrapped === true
    readonly property bool scrolls: !wrapped && edit.implicitWidth + 2 * Theme.gap16 > flick.width

    component HeadButton: AbstractButton {
        id: button
        property string iconName
        implicitHeight: Theme.px(26)
        implicitWidth: parts.implicitWidth + Theme.gap16
        focusPolicy: Qt.TabFocus
        hoverEnabled: true
        Accessible.role: Accessible.Button
        Keys.onReturnPressed: clicked()
        contentItem: Item {
            Row {
                id: parts
                readonly property color ink: button.hovered || button.checked ? Theme.text : Theme.textMuted
                anchors.centerIn: parent
                spacing: Theme.gap4 + 1
                Icon {
                    anchors.verticalCenter: parent.verticalCenter
                    width: Theme.px(15)
                    height: width
                    name: button.iconName
                    color: parts.ink
                }
                FText {
                    anchors.verticalCenter: parent.verticalCenter
                    text: button.text
                    font.pixelSize: Theme.captionSize
                    color: parts.ink
                }
            }
        }
        background: Rectangle {
            radius: Theme.radius
            color: button.hovered || button.down || button.checked ? Theme.hover(button.down) : "transparent"
            FocusRing { target: button }
        }
    }

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
                width: parent.width - buttons.width - Theme.gap32
                text: block.row.language || qsTr("text")
                font.pixelSize: Theme.captionSize
                color: Theme.textMuted
            }
            Row {
                id: buttons
                visible: !block.formula
                anchors.right: parent.right
                anchors.rightMargin: Theme.gap8
                anchors.verticalCenter: parent.verticalCenter
                HeadButton {
                    text: qsTr("Wrap")
                    iconName: "text"
                    checked: block.wrapped
                    Accessible.name: qsTr("Wrap long lines")
                    Accessible.checkable: true
                    Accessible.checked: checked
                    onClicked: block.row.blocks.setWrapped(block.row.block, !block.wrapped)
                }
                HeadButton {
                    id: copy
                    property bool done: false
                    text: done ? qsTr("Copied") : qsTr("Copy")
                    iconName: done ? "check" : "copy"
                    Accessible.name: qsTr("Copy code")
                    onClicked: {
                        Chat.copyText(block.row.blocks.codeAt(block.row.block))
                        done = true
                        back.restart()
                    }
                    Timer {
                        id: back
                        interval: 1500
                        onTriggered: copy.done = false
                    }
                }
            }
        }
        Flickable {
            id: flick
            y: block.opens ? head.height : 0
            x: 1
            width: parent.width - 2
            height: edit.implicitHeight
            contentWidth: block.wrapped ? width : edit.implicitWidth + 2 * Theme.gap16
            contentHeight: height
            flickableDirection: Flickable.HorizontalFlick
            boundsBehavior: Flickable.StopAtBounds
            clip: true
            TextEdit {
                id: edit
                x: Theme.gap16 - 1
                width: block.wrapped ? flick.width - 2 * x : implicitWidth
                readOnly: true
                selectByMouse: true
                Keys.forwardTo: block.keys ? [block.keys] : []
                textFormat: TextEdit.PlainText
                wrapMode: block.wrapped ? TextEdit.WrapAtWordBoundaryOrAnywhere : TextEdit.NoWrap
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
