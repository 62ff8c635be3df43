// SPDX-License-Identifier: MIT
// How much of the context the conversation takes, and of the memory; on a click, what that means.
import QtQuick
import QtQuick.Controls.Basic
import Fathom.Core

AbstractButton {
    id: meter
    objectName: "contextMeter"

    readonly property real part: Chat.contextLimit > 0 ? Math.min(1, Chat.contextUsed / Chat.contextLimit) : 0
    readonly property bool fills: part >= 0.85
    readonly property string summary: qsTr("%1 of %2").arg(brief(Chat.contextUsed))
        .arg(brief(Chat.contextLimit))
        + (Chat.cacheBytes > 0 ? " · " + Platform.humanBytes(Chat.cacheBytes) : "")
    readonly property real plainBytes: Models.plainCacheBytesPerToken * Chat.contextUsed

    signal showSettings()

    function brief(count) {
        return count < 1000 ? String(count)
            : count < 10000 ? (count / 1000).toFixed(1) + "k" : Math.round(count / 1000) + "k"
    }
    function number(count) { return Number(count).toLocaleString(Qt.locale(), "f", 0) }

    focusPolicy: Qt.TabFocus
    hoverEnabled: true
    implicitHeight: Theme.px(28)
    leftPadding: Theme.gap4
    rightPadding: Theme.gap4
    Accessible.role: Accessible.Button
    Accessible.name: qsTr("Context in use: %1 of %2 tokens").arg(number(Chat.contextUsed))
        .arg(number(Chat.contextLimit))
    onClicked: popup.opened ? popup.close() : popup.open()
    Keys.onReturnPressed: clicked()

    contentItem: Row {
        spacing: Theme.gap8
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
                color: meter.fills ? Theme.warning : Theme.textMuted
            }
        }
        FText {
            anchors.verticalCenter: parent.verticalCenter
            text: meter.summary
            font.pixelSize: Theme.captionSize
            color: meter.fills ? Theme.warning : Theme.textMuted
        }
    }
    background: Rectangle {
        radius: Theme.radius
        color: meter.hovered || popup.opened ? Theme.hover(meter.down) : "transparent"
        FocusRing { target: meter }
    }
    FToolTip {
        visible: meter.hovered && !popup.opened
        text: qsTr("Tokens of this conversation in the model's context")
    }
    Popup {
        id: popup
        objectName: "contextPopup"
        readonly property real column: width - 2 * padding
        y: parent.height + Theme.gap8
        x: Math.min(0, parent.width - width)
        width: Theme.px(360)
        closePolicy: Popup.CloseOnEscape | Popup.CloseOnPressOutsideParent
        padding: Theme.gap16
        focus: true
        background: Rectangle {
            radius: Theme.cardRadius
            color: Theme.floating
            border.width: Theme.hairline
            border.color: Theme.line
            Shadow {}
        }
        enter: Transition {
            NumberAnimation { property: "opacity"; from: 0; to: 1; duration: Theme.duration }
        }
        contentItem: Column {
            spacing: Theme.gap12
            Accessible.role: Accessible.Dialog
            Accessible.name: qsTr("Context")
            FText {
                width: popup.column
                wrapMode: Text.Wrap
                text: qsTr("%1 of %2 tokens").arg(meter.number(Chat.contextUsed))
                    .arg(meter.number(Chat.contextLimit))
                font.weight: Theme.strong
                color: meter.fills ? Theme.warning : Theme.text
            }
            component Line: Column {
                id: line
                property string label
                property real bytes
                property real most
                property color bar: Theme.accent
                width: popup.column
                spacing: Theme.gap4
                Item {
                    width: parent.width
                    height: name.implicitHeight
                    FText {
                        id: name
                        width: parent.width - size.width - Theme.gap8
                        text: line.label
                        font.pixelSize: Theme.captionSize
                        color: Theme.textMuted
                    }
                    FText {
                        id: size
                        anchors.right: parent.right
                        text: Platform.humanBytes(line.bytes)
                        font.pixelSize: Theme.captionSize
                    }
                }
                Rectangle {
                    width: line.most > 0 ? Math.max(Theme.px(2), parent.width * Math.min(1, line.bytes / line.most)) : 0
                    height: Theme.px(6)
                    radius: Theme.px(2)
                    color: line.bar
                }
            }
            Line {
                visible: Chat.cacheBytes > 0
                label: qsTr("Latent cache of this conversation")
                bytes: Chat.cacheBytes
                most: Math.max(meter.plainBytes, Chat.cacheBytes)
            }
            Line {
                visible: Chat.cacheBytes > 0 && meter.plainBytes > 0
                label: qsTr("Keys and values of every head would take")
                bytes: meter.plainBytes
                most: Math.max(meter.plainBytes, Chat.cacheBytes)
                bar: Theme.textMuted
            }
            FText {
                width: popup.column
                wrapMode: Text.Wrap
                lineHeight: 1.25
                font.pixelSize: Theme.captionSize
                color: Theme.textMuted
                text: (Chat.leftOutTo > Chat.leftOutFrom
                       ? qsTr("%1 messages were left out of the latest answer.")
                         .arg(meter.number(Chat.leftOutTo - Chat.leftOutFrom)) + " " : "")
                    + (Settings.contextPolicy === "oldest"
                       ? qsTr("When the context is full, the oldest turns are left out.")
                       : Settings.contextPolicy === "middle"
                       ? qsTr("When the context is full, the first turn stays and those after it are left out.")
                       : qsTr("When the context is full, answers end and say so."))
            }
            FButton {
                implicitHeight: Theme.px(30)
                text: qsTr("Change…")
                Accessible.name: qsTr("Change what happens when the context is full")
                onClicked: {
                    popup.close()
                    meter.showSettings()
                }
            }
        }
    }
}
