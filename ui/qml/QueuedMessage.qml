// SPDX-License-Identifier: MIT
// A message that waits for the end of the answer: to be read, changed and taken away.
import QtQuick
import QtQuick.Controls.Basic
import Fathom
import Fathom.Core

Rectangle {
    id: chip

    required property var queuedId
    required property string text
    required property int index
    property bool editing: false

    signal finished() // the keyboard goes back to where one writes

    function edit() {
        field.text = chip.text
        editing = true
        field.forceActiveFocus()
        field.cursorPosition = field.length
    }
    function done(keep) {
        if (!editing)
            return
        editing = false
        if (keep && field.text.trim() !== chip.text)
            Queue.change(chip.queuedId, field.text)
        chip.finished()
    }

    implicitHeight: Math.max(Theme.px(32), (editing ? field.implicitHeight : label.implicitHeight) + Theme.gap8)
    radius: Theme.radius
    color: Theme.raised
    border.width: editing ? 2 : 0
    border.color: Theme.accent
    Accessible.role: Accessible.ListItem
    Accessible.name: qsTr("Waits: %1").arg(chip.text)

    FText {
        id: label
        visible: !chip.editing
        anchors.left: parent.left
        anchors.leftMargin: Theme.gap12
        anchors.right: actions.left
        anchors.verticalCenter: parent.verticalCenter
        text: chip.text.replace(/\s+/g, " ")
        MouseArea {
            anchors.fill: parent
            cursorShape: Qt.IBeamCursor
            onClicked: chip.edit()
        }
    }
    TextArea {
        id: field
        visible: chip.editing
        anchors.left: parent.left
        anchors.leftMargin: Theme.gap12
        anchors.right: actions.left
        anchors.verticalCenter: parent.verticalCenter
        padding: 0
        wrapMode: TextEdit.Wrap
        textFormat: TextEdit.PlainText
        font.family: Theme.uiFont
        font.pixelSize: Theme.interfaceSize
        color: Theme.text
        selectionColor: Theme.mix(Theme.window, Theme.accent, 0.3)
        selectedTextColor: Theme.text
        selectByMouse: true
        background: null
        Accessible.role: Accessible.EditableText
        Accessible.name: qsTr("Waiting message")
        Keys.onPressed: event => {
            if (event.key === Qt.Key_Escape) {
                event.accepted = true
                chip.done(false)
            } else if ((event.key === Qt.Key_Return || event.key === Qt.Key_Enter)
                       && !(event.modifiers & Qt.ShiftModifier) && !inputMethodComposing) {
                event.accepted = true
                chip.done(true)
            }
        }
        onActiveFocusChanged: if (!activeFocus) chip.done(true)
    }
    Row {
        id: actions
        anchors.right: parent.right
        anchors.rightMargin: Theme.gap4
        anchors.verticalCenter: parent.verticalCenter
        IconButton {
            visible: chip.index === 0 && Chat.canSend
            implicitWidth: Theme.px(26)
            implicitHeight: Theme.px(26)
            iconName: "send"
            iconSize: 15
            text: qsTr("Send now")
            onClicked: Queue.sendNow()
        }
        IconButton {
            visible: !chip.editing
            implicitWidth: Theme.px(26)
            implicitHeight: Theme.px(26)
            iconName: "pencil"
            iconSize: 15
            text: qsTr("Edit the waiting message")
            onClicked: chip.edit()
        }
        IconButton {
            implicitWidth: Theme.px(26)
            implicitHeight: Theme.px(26)
            iconName: "close"
            iconSize: 13
            text: qsTr("Remove the waiting message")
            onClicked: {
                Queue.remove(chip.queuedId)
                chip.finished()
            }
        }
    }
}
