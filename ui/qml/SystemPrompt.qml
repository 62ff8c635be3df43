// SPDX-License-Identifier: MIT
// What this conversation tells the model before its first message, where that differs from the settings.
import QtQuick
import QtQuick.Controls.Basic
import Fathom
import Fathom.Core

IconButton {
    id: button

    iconName: "text"
    iconSize: 17
    iconColor: Chat.systemPrompt !== "" ? Theme.accent : hovered ? Theme.text : Theme.textMuted
    text: Chat.systemPrompt !== "" ? qsTr("This conversation has a system prompt of its own")
                                   : qsTr("System prompt of this conversation")
    onClicked: popup.opened ? popup.close() : popup.open()

    Popup {
        id: popup
        y: parent.height + Theme.gap8
        x: Math.min(0, parent.width - width + Theme.px(160))
        width: Theme.px(380)
        padding: Theme.gap12
        focus: true
        onOpened: field.focusInput()
        background: Rectangle {
            radius: Theme.cardRadius
            color: Theme.window
            border.width: Theme.hairline
            border.color: Theme.line
            Shadow {}
        }
        enter: Transition {
            NumberAnimation { property: "opacity"; from: 0; to: 1; duration: Theme.duration }
        }
        exit: Transition { NumberAnimation { property: "opacity"; to: 0; duration: Theme.duration } }
        contentItem: Column {
            spacing: Theme.gap8
            FText {
                width: parent.width
                text: qsTr("System prompt of this conversation")
                font.weight: Theme.strong
            }
            MultilineField {
                id: field
                width: parent.width
                Accessible.name: qsTr("System prompt of this conversation")
                value: Chat.systemPrompt
                placeholderText: Settings.systemPrompt !== "" ? Settings.systemPrompt
                                                              : qsTr("Empty: as the settings say.")
                onChosen: value => Chat.systemPrompt = value
            }
        }
    }
}
