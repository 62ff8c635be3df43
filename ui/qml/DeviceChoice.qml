// SPDX-License-Identifier: MIT
// What computes: the processor and each GPU, one below the other, those that cannot be used with the reason.
import QtQuick
import QtQuick.Templates as T
import Fathom
import Fathom.Core

Column {
    id: choice

    spacing: Theme.gap4
    Accessible.role: Accessible.Grouping
    Accessible.name: qsTr("Device")

    Repeater {
        model: Models.devices
        T.RadioButton {
            id: entry
            required property var modelData
            readonly property bool current: Settings.device === modelData.id
            width: choice.width
            implicitHeight: words.height + Theme.gap16
            enabled: modelData.usable
            focusPolicy: Qt.TabFocus
            hoverEnabled: true
            text: modelData.name
            checked: current
            Accessible.name: text + ", " + modelData.detail
            onClicked: Settings.device = modelData.id
            Keys.onReturnPressed: clicked()
            contentItem: Item {
                Rectangle {
                    id: ring
                    x: Theme.gap12
                    anchors.verticalCenter: parent.verticalCenter
                    width: Theme.px(16)
                    height: width
                    radius: width / 2
                    color: "transparent"
                    border.width: entry.current ? Theme.px(5) : Theme.px(1.5)
                    border.color: !entry.enabled ? Theme.line : entry.current ? Theme.accent : Theme.textMuted
                }
                Column {
                    id: words
                    anchors.left: ring.right
                    anchors.leftMargin: Theme.gap12
                    anchors.right: parent.right
                    anchors.rightMargin: Theme.gap12
                    anchors.verticalCenter: parent.verticalCenter
                    spacing: 2
                    FText {
                        width: parent.width
                        text: entry.text
                        color: entry.enabled ? Theme.text : Theme.textMuted
                        font.weight: entry.current ? Theme.strong : Theme.regular
                    }
                    FText {
                        width: parent.width
                        visible: text !== ""
                        wrapMode: Text.Wrap
                        text: entry.modelData.detail
                        font.pixelSize: Theme.captionSize
                        color: entry.current && !entry.enabled ? Theme.warning : Theme.textMuted
                    }
                }
            }
            background: Rectangle {
                radius: Theme.radius
                color: entry.hovered && entry.enabled ? Theme.hover(entry.down) : "transparent"
                border.width: Theme.hairline
                border.color: Theme.line
                FocusRing { target: entry }
            }
        }
    }
}
