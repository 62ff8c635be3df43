// SPDX-License-Identifier: MIT
// A line across the conversation where the model's sight begins again, or ends.
import QtQuick
import Fathom.Core

Loader {
    id: boundary

    required property var messageId
    required property bool first // row of its message
    required property real column
    readonly property string text: {
        if (!first || Chat.leftOutTo <= Chat.leftOutFrom)
            return ""
        const row = Chat.rowOf(messageId)
        if (row === Chat.leftOutTo)
            return qsTr("From here on the model sees the conversation; what is above has left the context.")
        return row === Chat.leftOutFrom && row > 0
            ? qsTr("From here to the next line the model no longer sees.") : ""
    }

    active: text !== ""
    visible: active
    height: item !== null ? item.implicitHeight : 0
    Accessible.role: Accessible.Separator
    Accessible.name: text

    sourceComponent: Item {
        implicitHeight: label.height + Theme.gap24
        Rectangle {
            anchors.centerIn: parent
            width: boundary.column
            height: Theme.hairline
            color: Theme.warning
        }
        Rectangle {
            anchors.centerIn: parent
            width: label.width + Theme.gap24
            height: label.height
            color: Theme.window
            FText {
                id: label
                anchors.centerIn: parent
                width: Math.min(implicitWidth, boundary.column - Theme.gap32)
                wrapMode: Text.Wrap
                horizontalAlignment: Text.AlignHCenter
                text: boundary.text
                font.pixelSize: Theme.captionSize
                color: Theme.warning
            }
        }
    }
}
