// SPDX-License-Identifier: MIT
// Find in the conversation: the text, which of how many, and the way between them.
import QtQuick
import Fathom.Core

Rectangle {
    id: bar

    readonly property var finder: Chat.finder
    property bool opened: false

    signal aboutToSearch()
    signal closed()

    function open() {
        opened = true
        field.forceActiveFocus()
        field.selectAll()
        search()
    }
    function close() {
        if (!opened)
            return
        opened = false
        finder.query = ""
        closed()
    }
    function search() {
        aboutToSearch()
        finder.query = field.text
    }
    function step(by) {
        if (finder.query !== field.text)
            search()
        else
            finder.step(by)
    }

    visible: opened
    implicitWidth: Theme.px(340)
    implicitHeight: Theme.px(44)
    radius: Theme.cardRadius
    color: Theme.floating
    border.width: Theme.hairline
    border.color: Theme.line
    Accessible.role: Accessible.ToolBar
    Accessible.name: qsTr("Find in this conversation")
    Shadow {}
    Connections {
        target: Chat
        function onConversationIdChanged() { bar.close() }
    }
    FTextField {
        id: field
        objectName: "findField"
        anchors.left: parent.left
        anchors.leftMargin: Theme.px(6)
        anchors.right: count.left
        anchors.rightMargin: Theme.gap8
        anchors.verticalCenter: parent.verticalCenter
        iconName: "search"
        placeholderText: qsTr("Find in this conversation")
        onTextEdited: bar.search()
        Keys.onReturnPressed: event => bar.step(event.modifiers & Qt.ShiftModifier ? -1 : 1)
        Keys.onEnterPressed: event => bar.step(event.modifiers & Qt.ShiftModifier ? -1 : 1)
        Keys.onEscapePressed: bar.close()
    }
    FText {
        id: count
        objectName: "findCount"
        anchors.right: buttons.left
        anchors.rightMargin: Theme.gap4
        anchors.verticalCenter: parent.verticalCenter
        text: field.text === "" ? "" : bar.finder.running && bar.finder.total === 0 ? "…"
            : bar.finder.total === 0 ? qsTr("nothing")
            : qsTr("%1 of %2").arg(bar.finder.number.toLocaleString(Qt.locale(), "f", 0))
              .arg(bar.finder.total.toLocaleString(Qt.locale(), "f", 0))
        font.pixelSize: Theme.captionSize
        color: Theme.textMuted
        Accessible.role: Accessible.StaticText
        Accessible.name: text
    }
    Row {
        id: buttons
        anchors.right: parent.right
        anchors.rightMargin: Theme.px(6)
        anchors.verticalCenter: parent.verticalCenter
        IconButton {
            iconName: "up"
            iconSize: 16
            implicitWidth: Theme.px(26)
            text: qsTr("Previous match")
            enabled: bar.finder.total > 0
            onClicked: bar.step(-1)
        }
        IconButton {
            iconName: "down"
            iconSize: 16
            implicitWidth: Theme.px(26)
            text: qsTr("Next match")
            enabled: bar.finder.total > 0
            onClicked: bar.step(1)
        }
        IconButton {
            iconName: "close"
            iconSize: 16
            implicitWidth: Theme.px(26)
            text: qsTr("Close")
            onClicked: bar.close()
        }
    }
}
