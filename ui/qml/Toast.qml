// SPDX-License-Identifier: MIT
// What was just done, and the way to undo it.
import QtQuick
import Fathom.Core

Rectangle {
    id: toast

    readonly property bool shown: Conversations.undoText !== ""
    property string text
    onShownChanged: if (shown) text = Conversations.undoText

    width: Math.min(implicitWidth, parent.width - Theme.gap32)
    implicitWidth: label.implicitWidth + undo.width + Theme.px(40)
    implicitHeight: Theme.px(44)
    radius: Theme.cardRadius
    color: Theme.text
    opacity: shown ? 1 : 0
    visible: opacity > 0
    Behavior on opacity { NumberAnimation { duration: Theme.duration; easing.type: Theme.easing } }
    Accessible.role: Accessible.AlertMessage
    Accessible.name: text

    FText {
        id: label
        x: Theme.gap16
        width: parent.width - undo.width - Theme.px(40)
        anchors.verticalCenter: parent.verticalCenter
        text: toast.shown ? Conversations.undoText : toast.text
        color: Theme.window
    }
    FButton {
        id: undo
        anchors.right: parent.right
        anchors.rightMargin: Theme.gap8
        anchors.verticalCenter: parent.verticalCenter
        implicitHeight: Theme.px(30)
        text: qsTr("Undo")
        onClicked: Conversations.undo()
    }
}
