// SPDX-License-Identifier: MIT
// What the person wrote: a quiet bubble at the right edge of the column, with its actions below on hover; an
// edit opens in its place and becomes a new branch.
import QtQuick
import QtQuick.Controls.Basic
import Fathom
import Fathom.Core

Item {
    id: message

    required property var row
    required property real column
    property bool highlighted: false
    property bool editing: false
    property bool whole: false
    property Item keys // sees the keys first
    readonly property alias textItem: body
    readonly property int shownLetters: 4000
    readonly property bool cut: !whole && row.text.length > shownLetters

    signal editRequested()
    signal editEnded()

    implicitHeight: editing ? editor.height + Theme.gap8 : bubble.height + actions.height
    Accessible.role: Accessible.Paragraph
    Accessible.name: qsTr("You: %1").arg(row.text)

    Rectangle {
        id: bubble
        visible: !message.editing
        anchors.right: frame.right
        width: body.width + 2 * Theme.gap16
        // Not its implicit height, which is worked out while it is read and would change under this binding.
        height: body.contentHeight + (more.visible ? more.height : 0) + 2 * Theme.px(10)
        radius: Theme.cardRadius
        color: Theme.raised

        FRich {
            id: body
            x: Theme.gap16
            y: Theme.px(10)
            width: Math.min(Math.ceil(implicitWidth), message.column * 0.8 - 2 * Theme.gap16)
            html: message.cut ? Markup.escape(message.row.text.slice(0, message.shownLetters) + "…")
                : message.row.html
            preformatted: true
            Keys.forwardTo: message.keys ? [message.keys] : []
        }
        FButton {
            id: more
            visible: message.row.text.length > message.shownLetters
            anchors.bottom: parent.bottom
            anchors.right: parent.right
            flat: true
            size: Theme.captionSize
            text: message.whole ? qsTr("Show less") : qsTr("Show all")
            onClicked: message.whole = !message.whole
        }
    }
    Item {
        id: frame
        x: (message.width - message.column) / 2
        width: message.column
        height: parent.height
    }
    Item {
        id: actions
        visible: !message.editing
        anchors.right: frame.right
        anchors.top: bubble.bottom
        width: actionRow.width
        height: Theme.px(30)
        opacity: message.highlighted || copyButton.activeFocus || editButton.activeFocus
            || siblings.focused ? 1 : 0
        Behavior on opacity { NumberAnimation { duration: Theme.duration } }
        Row {
            id: actionRow
            anchors.verticalCenter: parent.verticalCenter
            spacing: 2
            FText {
                anchors.verticalCenter: parent.verticalCenter
                rightPadding: Theme.gap8
                text: Qt.formatDateTime(message.row.createdAt, Qt.locale().dateTimeFormat(Locale.ShortFormat))
                font.pixelSize: Theme.captionSize
                color: Theme.textMuted
            }
            IconButton {
                id: copyButton
                iconName: "copy"
                iconSize: 16
                text: qsTr("Copy")
                onClicked: Chat.copyMessage(message.row.messageId)
            }
            IconButton {
                id: editButton
                iconName: "pencil"
                iconSize: 16
                text: qsTr("Edit")
                enabled: Chat.state === "idle"
                onClicked: message.editRequested()
            }
            Siblings {
                id: siblings
                row: message.row
            }
        }
    }
    Rectangle {
        id: editor
        visible: message.editing
        anchors.right: frame.right
        width: frame.width
        height: visible ? area.height + buttons.height + 3 * Theme.gap12 : 0
        radius: Theme.cardRadius
        color: Theme.raised
        border.width: area.activeFocus ? 2 : 0
        border.color: Theme.accent

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
                wrapMode: TextEdit.Wrap
                textFormat: TextEdit.PlainText
                font.family: Theme.uiFont
                font.pixelSize: Theme.readingSize
                color: Theme.text
                selectionColor: Theme.mix(Theme.window, Theme.accent, 0.3)
                selectedTextColor: Theme.text
                background: null
                Accessible.name: qsTr("Edit message")
                Keys.onPressed: event => {
                    if (event.key === Qt.Key_Escape && !inputMethodComposing) {
                        message.editEnded()
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
        function submit() {
            const text = input.text
            if (text.trim() === "")
                return
            message.editEnded()
            if (text !== message.row.text)
                Chat.edit(message.row.messageId, text)
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
                onClicked: message.editEnded()
            }
            FButton {
                text: qsTr("Send as new branch")
                primary: true
                enabled: input.text.trim() !== "" && Chat.canSend
                onClicked: editor.submit()
            }
        }
    }
    onEditingChanged: beginEdit()
    Component.onCompleted: beginEdit()
    function beginEdit() {
        if (!editing)
            return
        input.text = row.text
        input.forceActiveFocus()
        input.cursorPosition = input.length
    }
}
