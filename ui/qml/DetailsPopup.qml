// SPDX-License-Identifier: MIT
// What an answer cost: tokens, speed, model.
import QtQuick
import QtQuick.Controls.Basic
import Fathom.Core

Popup {
    id: popup

    required property var row
    readonly property var facts: [
        [qsTr("Model"), row.modelName ?? ""],
        [qsTr("Read"), qsTr("%1 tokens").arg(row.promptTokens ?? 0)],
        [qsTr("Written"), qsTr("%1 tokens").arg(row.generatedTokens ?? 0)],
        [qsTr("Speed"),
         row.tokensPerSecond > 0 ? qsTr("%1 tokens/s").arg(row.tokensPerSecond.toFixed(1)) : "–"],
        [qsTr("First token"),
         row.firstTokenSeconds > 0 ? qsTr("after %1 s").arg(row.firstTokenSeconds.toFixed(2)) : "–"],
        [qsTr("Ended"), ending(row.finishReason ?? "", row.status)],
        [qsTr("Time"), Qt.formatDateTime(row.createdAt, Qt.locale().dateTimeFormat(Locale.ShortFormat))],
    ]

    function ending(reason, status) {
        switch (reason) {
        case "stop": return qsTr("by itself")
        case "length": return qsTr("at the limit of length")
        case "context": return qsTr("context is full")
        default: return status === "stopped" ? qsTr("stopped")
                 : status === "interrupted" ? qsTr("interrupted")
                 : reason === "" ? "–" : reason
        }
    }

    y: -implicitHeight - Theme.gap8
    padding: Theme.gap12
    focus: true
    contentItem: Grid {
        Accessible.role: Accessible.Dialog
        Accessible.name: qsTr("Details of the answer")
        columns: 2
        columnSpacing: Theme.gap16
        rowSpacing: Theme.gap4 + 1
        Repeater {
            model: popup.facts.length * 2
            FText {
                required property int index
                readonly property bool label: index % 2 === 0
                text: popup.facts[Math.floor(index / 2)][index % 2]
                width: label ? Theme.px(84) : Math.min(implicitWidth, Theme.px(280))
                font.pixelSize: Theme.captionSize
                color: label ? Theme.textMuted : Theme.text
            }
        }
    }
    background: Rectangle {
        radius: Theme.cardRadius
        color: Theme.window
        border.width: Theme.hairline
        border.color: Theme.line
        Shadow {}
    }
    enter: Transition { NumberAnimation { property: "opacity"; from: 0; to: 1; duration: Theme.duration } }
    exit: Transition { NumberAnimation { property: "opacity"; to: 0; duration: Theme.duration } }
}
