// SPDX-License-Identifier: MIT
// A formula on a line of its own, as wide as a table may be and scrolling inside itself where that is not enough.
// What is not complete, or what cannot be drawn, stands as its source.
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
    readonly property Item textItem: source.item ? source.item.textItem : null
    readonly property Item body: formula.ready ? frame : null
    readonly property string tex: row.tex ?? ""
    readonly property real indent: (row.quote ?? 0) * Theme.gap16 + (row.indent ?? 0) * Theme.gap24
    readonly property real outer: indent > 0 ? column
        : Math.max(column, Math.min(wide, formula.implicitWidth))

    implicitHeight: formula.ready ? frame.height : source.height
    Accessible.role: Accessible.StaticText
    Accessible.name: qsTr("Formula: %1").arg(tex)

    function copyTex() {
        Chat.copyText(tex)
        copy.done = true
        back.restart()
    }

    Loader {
        id: source
        width: parent.width
        active: !formula.ready
        sourceComponent: CodeBlock {
            row: block.row
            column: block.column
            wide: block.wide
            keys: block.keys
        }
    }
    Item {
        id: frame
        visible: formula.ready
        x: Math.round((block.width - block.outer) / 2 + block.indent)
        width: Math.round(block.outer - block.indent)
        height: flick.height + (flick.scrolls ? Theme.gap12 : 0)

        Flickable {
            id: flick
            readonly property bool scrolls: formula.implicitWidth > width
            width: parent.width
            height: formula.implicitHeight
            contentWidth: formula.width
            contentHeight: height
            flickableDirection: Flickable.HorizontalFlick
            boundsBehavior: Flickable.StopAtBounds
            clip: scrolls
            FormulaItem {
                id: formula
                width: Math.max(implicitWidth, flick.width)
                height: implicitHeight
                formulas: Formulas
                tex: block.tex
                textSize: Theme.readingSize
                color: (block.row.quote ?? 0) > 0 ? Theme.textMuted : Theme.text
            }
            ScrollBar.horizontal: FScrollBar {
                parent: frame
                y: frame.height - height
                width: frame.width
                visible: flick.scrolls
            }
        }
        HoverHandler { id: hover }
        TapHandler {
            acceptedButtons: Qt.RightButton
            onTapped: menu.popup()
        }
        FMenu {
            id: menu
            FMenuItem {
                text: qsTr("Copy TeX")
                iconName: "copy"
                onTriggered: block.copyTex()
            }
        }
        IconButton {
            id: copy
            property bool done: false
            anchors.right: parent.right
            y: Math.max(0, (flick.height - height) / 2)
            opacity: hover.hovered || hovered || activeFocus ? 1 : 0
            iconName: done ? "check" : "copy"
            iconSize: 15
            text: done ? qsTr("Copied") : qsTr("Copy TeX")
            onClicked: block.copyTex()
            background: Rectangle {
                radius: Theme.radius
                color: copy.down ? Theme.mix(Theme.window, Theme.text, 0.11) : Theme.window
                FocusRing { target: copy }
            }
            Timer {
                id: back
                interval: 1500
                onTriggered: copy.done = false
            }
        }
    }
}
