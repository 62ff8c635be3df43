// SPDX-License-Identifier: MIT
// One sentence about what is wrong, with up to two ways out and one to send it off.
import QtQuick
import Fathom
import Fathom.Core

Rectangle {
    id: banner

    property string text
    property string action
    property string otherAction
    property color tone: Theme.danger
    property string iconName: "warning"
    property bool dismissable: true
    signal acted()
    signal actedOtherwise()
    signal dismissed()

    visible: text !== ""
    implicitHeight: visible ? Math.max(Theme.px(40), label.implicitHeight + Theme.gap16) : 0
    color: Theme.mix(Theme.window, tone, Theme.dark ? 0.16 : 0.08)
    Accessible.role: Accessible.AlertMessage
    Accessible.name: text

    Icon {
        id: sign
        x: Theme.gap16
        anchors.verticalCenter: parent.verticalCenter
        width: Theme.px(18)
        height: width
        name: banner.iconName
        color: banner.tone
    }
    FText {
        id: label
        anchors.left: sign.right
        anchors.leftMargin: Theme.gap8
        anchors.right: buttons.left
        anchors.rightMargin: Theme.gap8
        anchors.verticalCenter: parent.verticalCenter
        wrapMode: Text.Wrap
        maximumLineCount: 4
        text: banner.text
    }
    Row {
        id: buttons
        anchors.right: parent.right
        anchors.rightMargin: Theme.gap8
        anchors.verticalCenter: parent.verticalCenter
        spacing: Theme.gap4
        FButton {
            visible: banner.action !== ""
            text: banner.action
            onClicked: banner.acted()
        }
        FButton {
            visible: banner.otherAction !== ""
            text: banner.otherAction
            onClicked: banner.actedOtherwise()
        }
        IconButton {
            visible: banner.dismissable
            iconName: "close"
            iconSize: 15
            text: qsTr("Dismiss")
            onClicked: banner.dismissed()
        }
    }
}
