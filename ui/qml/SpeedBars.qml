// SPDX-License-Identifier: MIT
// How fast a model is here, beside what the machine allows at most: two bars in their frames.
import QtQuick
import Fathom.Core

Column {
    id: bars

    required property var speed // of Models; empty: not measured

    readonly property bool known: speed.generate !== undefined
    readonly property var lines: known ? [
        { name: qsTr("Writes"), rate: speed.generate, limit: speed.generateLimit,
          why: qsTr("reading the weights from memory at %1 GB/s").arg(rounded(speed.readGbPerS)) },
        { name: qsTr("Reads"), rate: speed.prompt, limit: speed.promptLimit,
          why: qsTr("%1 billion operations a second").arg(rounded(speed.gflopPerS)) },
    ] : []

    function rounded(value) {
        return Number(value).toLocaleString(Qt.locale(), "f", value < 10 ? 1 : 0)
    }

    visible: known
    spacing: Theme.gap4
    Repeater {
        model: bars.lines
        Item {
            id: line
            required property var modelData
            // Small models stay in the processor's cache and go beyond what the memory allows.
            readonly property real most: Math.max(modelData.limit, modelData.rate)
            readonly property real share: modelData.limit > 0 ? modelData.rate / modelData.limit : 0
            width: bars.width
            height: Math.max(label.implicitHeight, Theme.px(18))
            Accessible.role: Accessible.Indicator
            Accessible.name: qsTr("%1: %2").arg(modelData.name).arg(words.text)
            FText {
                id: label
                width: Theme.px(52)
                anchors.verticalCenter: parent.verticalCenter
                text: line.modelData.name
                font.pixelSize: Theme.captionSize
                color: Theme.textMuted
            }
            Rectangle { // the limit
                id: frame
                visible: line.modelData.limit > 0
                anchors.left: label.right
                anchors.verticalCenter: parent.verticalCenter
                width: Theme.px(120)
                height: Theme.px(8)
                radius: Theme.px(2)
                color: Theme.raised
                border.width: Theme.hairline
                border.color: Theme.line
                Rectangle {
                    width: Math.max(Theme.px(2), parent.width * Math.min(1, line.modelData.rate / line.most))
                    height: parent.height
                    radius: parent.radius
                    color: Theme.accent
                }
            }
            FText {
                id: words
                anchors.left: frame.visible ? frame.right : label.right
                anchors.leftMargin: frame.visible ? Theme.gap12 : 0
                anchors.right: parent.right
                anchors.verticalCenter: parent.verticalCenter
                text: qsTr("%1 tokens/s").arg(bars.rounded(line.modelData.rate))
                    + (line.modelData.limit <= 0 ? ""
                       : line.share > 1
                       ? " · " + qsTr("beyond the memory's %1: it stays in the processor's cache")
                         .arg(bars.rounded(line.modelData.limit))
                       : " · " + qsTr("%1 % of what %2 allows").arg(Math.round(100 * line.share))
                         .arg(line.modelData.why))
                font.pixelSize: Theme.captionSize
                color: Theme.textMuted
            }
        }
    }
}
