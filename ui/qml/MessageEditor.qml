// SPDX-License-Identifier: MIT
// A message while it is edited: Return takes the text, Escape leaves it as it was.
import QtQuick
import QtQuick.Controls.Basic
import Fathom
import Fathom.Core

Rectangle {
    id: editor

    property string original
    property string action
    property bool possible: true // to take it now

    signal submitted(string text)
    signal cancelled()

    implicitHeight: area.height + buttons.height + 3 * Theme.gap12
    radius: Theme.cardRadius
    color: Theme.raised
    border.width: input.activeFocus ? 2 : 0
    border.color: Theme.accent

    // An edit that is only found again does not take the keys.
    function begin(withKeys) {
        guard.expect(Chat.editedText)
        input.text = Chat.editedText
        input.cursorPosition = input.length
        if (withKeys)
            input.forceActiveFocus()
    }
    function submit() {
        if (input.text.trim() === "")
            return
        if (input.text === original)
            cancelled()
        else if (possible)
            submitted(input.text)
    }

    WritingGuard {
        id: guard
        field: input
    }
    Flickable {
        id: area
        x: Theme.gap16
        y: Theme.gap12
        width: parent.width - 2 * Theme.gap16
        height: Math.min(input.implicitHeight, Theme.px(320))
        contentHeight: input.implicitHeight
        clip: true
        boundsBehavior: Flickable.StopAtBounds
        TextArea.flickable: TextArea {
            id: input
            padding: 0
            leftPadding: 0
            wrapMode: guard.unbroken ? TextEdit.WrapAnywhere : TextEdit.Wrap
            textFormat: TextEdit.PlainText
            onTextChanged: Chat.editedText = text
            font.family: Theme.uiFont
            font.pixelSize: Theme.readingSize
            color: Theme.text
            selectionColor: Theme.mix(Theme.window, Theme.accent, 0.3)
            selectedTextColor: Theme.text
            background: null
            Accessible.name: qsTr("Edit message")
            Keys.onPressed: event => {
                if (event.key === Qt.Key_Escape && !inputMethodComposing) {
                    editor.cancelled()
                    event.accepted = true
                } else if (event.key === Qt.Key_Tab || event.key === Qt.Key_Backtab) {
                    event.accepted = true
                    nextItemInFocusChain(event.key === Qt.Key_Tab).forceActiveFocus(Qt.TabFocusReason)
                } else if ((event.key === Qt.Key_Return || event.key === Qt.Key_Enter)
                           && !(event.modifiers & Qt.ShiftModifier)) {
                    event.accepted = true
                    if (!inputMethodComposing)
                        editor.submit()
                }
            }
        }
        ScrollBar.vertical: FScrollBar {}
    }
    FText {
        anchors.left: area.left
        anchors.right: buttons.left
        anchors.rightMargin: Theme.gap12
        anchors.verticalCenter: buttons.verticalCenter
        wrapMode: Text.Wrap
        maximumLineCount: 2
        text: guard.refusal
        font.pixelSize: Theme.captionSize
        color: Theme.warning
    }
    Row {
        id: buttons
        anchors.right: parent.right
        anchors.bottom: parent.bottom
        anchors.margins: Theme.gap12
        spacing: Theme.gap8
        FButton {
            text: qsTr("Cancel")
            flat: true
            onClicked: editor.cancelled()
        }
        FButton {
            text: editor.action
            primary: true
            enabled: input.text.trim() !== "" && editor.possible
            onClicked: editor.submit()
        }
    }
}
