// SPDX-License-Identifier: MIT
// The line above a section of reasoning: how long it took, and a click shows or hides what was thought.
import QtQuick
import QtQuick.Controls.Basic
import Fathom

Item {
    id: block

    required property var row
    required property real column
    readonly property bool thinking: row.thinking === true && row.status === "streaming"
    readonly property int seconds: row.seconds ?? -1

    function duration(seconds) {
        if (seconds < 60)
            return qsTr("%1 s").arg(Math.max(1, seconds))
        return seconds % 60 === 0 ? qsTr("%1 min").arg(seconds / 60)
            : qsTr("%1 min %2 s").arg(Math.floor(seconds / 60)).arg(seconds % 60)
    }

    implicitHeight: button.height

    AbstractButton {
        id: button
        x: (block.width - block.column) / 2 - Theme.gap8
        implicitWidth: title.implicitWidth + chevron.width + Theme.gap4 + 2 * Theme.gap8
        implicitHeight: Theme.px(28)
        focusPolicy: Qt.TabFocus
        hoverEnabled: true
        checked: block.row.folded !== true
        text: block.thinking ? qsTr("Thinking…")
            : block.seconds >= 0 ? qsTr("Thought for %1").arg(block.duration(block.seconds)) : qsTr("Thoughts")
        Accessible.role: Accessible.Button
        Accessible.name: text
        Accessible.description: checked ? qsTr("Hide what was thought") : qsTr("Show what was thought")
        onClicked: block.row.blocks.setFolded(block.row.block, checked)
        Keys.onReturnPressed: clicked()
        Keys.onEnterPressed: clicked()

        contentItem: Item {
            Icon {
                id: chevron
                x: Theme.gap8
                anchors.verticalCenter: parent.verticalCenter
                width: Theme.px(14)
                height: width
                name: button.checked ? "down" : "right"
                color: title.color
            }
            FText {
                id: title
                anchors.left: chevron.right
                anchors.leftMargin: Theme.gap4
                anchors.verticalCenter: parent.verticalCenter
                text: button.text
                color: button.hovered || button.down ? Theme.text : Theme.textMuted
            }
        }
        background: Rectangle {
            radius: Theme.radius
            color: button.hovered || button.down ? Theme.hover(button.down) : "transparent"
            FocusRing { target: button }
        }
    }
}
