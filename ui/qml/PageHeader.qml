// SPDX-License-Identifier: MIT
// The head of a page that is not the conversation: its name and the way back.
import QtQuick

Item {
    id: head

    required property string title
    property bool sidebarVisible: true
    default property alias extra: slot.data

    signal toggleSidebar()
    signal closed()

    implicitHeight: Theme.headerHeight
    IconButton {
        id: sidebarButton
        visible: !head.sidebarVisible
        anchors.left: parent.left
        anchors.leftMargin: Theme.gap12
        anchors.verticalCenter: parent.verticalCenter
        iconName: "sidebar"
        text: qsTr("Show the sidebar (Ctrl+B)")
        onClicked: head.toggleSidebar()
    }
    FText {
        anchors.left: sidebarButton.visible ? sidebarButton.right : parent.left
        anchors.leftMargin: sidebarButton.visible ? Theme.gap8 : Theme.gap24
        anchors.verticalCenter: parent.verticalCenter
        text: head.title
        font.weight: Theme.strong
        Accessible.role: Accessible.Heading
        Accessible.name: text
    }
    Row {
        id: slot
        anchors.right: close.left
        anchors.rightMargin: Theme.gap8
        anchors.verticalCenter: parent.verticalCenter
        spacing: Theme.gap8
    }
    IconButton {
        id: close
        anchors.right: parent.right
        anchors.rightMargin: Theme.gap16
        anchors.verticalCenter: parent.verticalCenter
        iconName: "close"
        iconSize: 16
        text: qsTr("Back to the conversation (Esc)")
        onClicked: head.closed()
    }
    Rectangle {
        anchors.bottom: parent.bottom
        width: parent.width
        height: Theme.hairline
        color: Theme.line
    }
}
