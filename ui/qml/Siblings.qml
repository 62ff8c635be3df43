// SPDX-License-Identifier: MIT
// ‹2/3›: the versions of a message, and the way between them.
import QtQuick
import Fathom.Core

Loader {
    id: siblings

    required property var row
    readonly property bool focused: item !== null && item.focused

    active: (row.siblingCount ?? 1) > 1
    visible: active
    sourceComponent: Row {
        readonly property bool focused: previous.activeFocus || next.activeFocus
        IconButton {
            id: previous
            iconName: "left"
            iconSize: 15
            implicitWidth: Theme.px(22)
            enabled: siblings.row.siblingIndex > 1 && Chat.state === "idle"
            text: qsTr("Previous version")
            onClicked: Chat.chooseSibling(siblings.row.messageId, -1)
        }
        FText {
            anchors.verticalCenter: parent.verticalCenter
            text: siblings.row.siblingIndex + "/" + siblings.row.siblingCount
            font.pixelSize: Theme.captionSize
            color: Theme.textMuted
            Accessible.role: Accessible.StaticText
            Accessible.name: qsTr("Version %1 of %2").arg(siblings.row.siblingIndex).arg(siblings.row.siblingCount)
        }
        IconButton {
            id: next
            iconName: "right"
            iconSize: 15
            implicitWidth: Theme.px(22)
            enabled: siblings.row.siblingIndex < siblings.row.siblingCount && Chat.state === "idle"
            text: qsTr("Next version")
            onClicked: Chat.chooseSibling(siblings.row.messageId, 1)
        }
    }
}
