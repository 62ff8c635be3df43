// SPDX-License-Identifier: MIT
// A quiet line above the place where one writes, with one thing to do about it.
import QtQuick
import Fathom
import Fathom.Core

Item {
    id: notice

    property string text
    property string action
    property string iconName: "info"
    property color tone: Theme.textMuted

    signal acted()

    visible: text !== ""
    implicitHeight: visible ? Math.max(label.implicitHeight, button.visible ? button.height : 0) + Theme.gap4 : 0
    Accessible.role: Accessible.StaticText
    Accessible.name: text

    Icon {
        id: sign
        x: Theme.gap12
        anchors.verticalCenter: parent.verticalCenter
        width: Theme.px(16)
        height: width
        name: notice.iconName
        color: notice.tone
    }
    FText {
        id: label
        anchors.left: sign.right
        anchors.leftMargin: Theme.gap8
        anchors.right: button.visible ? button.left : parent.right
        anchors.rightMargin: Theme.gap12
        anchors.verticalCenter: parent.verticalCenter
        wrapMode: Text.Wrap
        maximumLineCount: 3
        text: notice.text
        font.pixelSize: Theme.captionSize
        color: notice.tone
    }
    FButton {
        id: button
        visible: notice.action !== ""
        anchors.right: parent.right
        anchors.verticalCenter: parent.verticalCenter
        implicitHeight: Theme.px(28)
        size: Theme.captionSize
        text: notice.action
        onClicked: notice.acted()
    }
}
