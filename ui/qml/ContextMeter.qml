// SPDX-License-Identifier: MIT
// How much of the context the conversation takes.
import QtQuick
import QtQuick.Controls.Basic
import Fathom.Core

Row {
    id: meter

    readonly property real part: Chat.contextLimit > 0 ? Math.min(1, Chat.contextUsed / Chat.contextLimit) : 0
    readonly property string summary: qsTr("%1 of %2").arg(brief(Chat.contextUsed))
        .arg(brief(Chat.contextLimit))
        + (Chat.cacheBytes > 0 ? " · " + Platform.humanBytes(Chat.cacheBytes) : "")

    function brief(count) {
        return count < 1000 ? String(count)
            : count < 10000 ? (count / 1000).toFixed(1) + "k" : Math.round(count / 1000) + "k"
    }

    spacing: Theme.gap8
    Accessible.role: Accessible.ProgressBar
    Accessible.name: qsTr("Context in use: %1 tokens").arg(summary)

    Rectangle {
        anchors.verticalCenter: parent.verticalCenter
        width: Theme.px(72)
        height: Theme.px(4)
        radius: height / 2
        color: Theme.line
        Rectangle {
            width: meter.part > 0 ? Math.max(height, parent.width * meter.part) : 0
            height: parent.height
            radius: height / 2
            color: meter.part > 0.9 ? Theme.warning : Theme.textMuted
        }
    }
    FText {
        anchors.verticalCenter: parent.verticalCenter
        text: meter.summary
        font.pixelSize: Theme.captionSize
        color: meter.part > 0.9 ? Theme.warning : Theme.textMuted
    }
    HoverHandler { id: hover }
    FToolTip {
        visible: hover.hovered
        text: qsTr("Tokens of this conversation in the model's context")
    }
}
