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
    property bool complete: false
    property bool whole: false
    property Item keys // sees the keys first
    readonly property alias textItem: body
    readonly property int shownLetters: 4000
    readonly property bool cut: !whole && row.text.length > shownLetters

    signal editRequested()

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
    Loader {
        id: editor
        active: message.editing
        visible: active
        anchors.right: frame.right
        width: frame.width
        sourceComponent: MessageEditor {
            original: message.row.text
            action: qsTr("Send as new branch")
            possible: Chat.canSend
            onCancelled: Chat.endEdit()
            onSubmitted: text => Chat.edit(message.row.messageId, text)
        }
        onLoaded: item.begin(message.complete || Chat.editedText === message.row.text)
    }
    Component.onCompleted: complete = true
}
