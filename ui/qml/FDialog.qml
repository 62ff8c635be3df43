// SPDX-License-Identifier: MIT
// A question in the middle of the window: a title, what belongs to it, and at most two buttons. Enter accepts,
// Escape closes. Where something would be gone for ever, Enter closes too, but on the button that says so.
import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Templates as T

Popup {
    id: dialog

    property string title
    property string sentence
    property string acceptText: qsTr("OK")
    property bool acceptable: true
    property bool danger: false
    property bool cancellable: true // false where what is done in it applies at once
    property Item first: danger ? cancelButton : acceptButton // has the focus when it opens
    default property alias body: inside.data

    signal accepted()

    function accept() {
        if (!acceptable)
            return
        close()
        accepted()
    }

    function takeEnter() {
        if (danger && !acceptButton.activeFocus)
            close()
        else
            accept()
    }

    parent: T.Overlay.overlay
    anchors.centerIn: parent
    width: Math.min(Theme.px(420), parent ? parent.width - Theme.gap32 : 0)
    padding: Theme.gap16
    modal: true
    focus: true
    closePolicy: Popup.CloseOnEscape | Popup.CloseOnPressOutside
    T.Overlay.modal: Rectangle { color: Qt.rgba(0, 0, 0, Theme.dark ? 0.5 : 0.25) }
    background: Rectangle {
        radius: Theme.cardRadius
        color: Theme.floating
        border.width: Theme.hairline
        border.color: Theme.line
        Shadow {}
    }
    enter: Transition { NumberAnimation { property: "opacity"; from: 0; to: 1; duration: Theme.duration } }
    contentItem: Column {
        spacing: Theme.gap12
        Accessible.role: Accessible.Dialog
        Accessible.name: dialog.title
        Keys.onReturnPressed: dialog.takeEnter()
        Keys.onEnterPressed: dialog.takeEnter()
        FText {
            width: parent.width
            text: dialog.title
            font.pixelSize: Theme.titleSize
            font.weight: Theme.strong
            wrapMode: Text.Wrap
            maximumLineCount: 3
            Accessible.role: Accessible.Heading
            Accessible.name: text
        }
        FText {
            visible: dialog.sentence !== ""
            width: parent.width
            text: dialog.sentence
            wrapMode: Text.Wrap
            color: Theme.textMuted
        }
        Column {
            id: inside
            width: parent.width
            spacing: Theme.gap8
        }
        Row {
            anchors.right: parent.right
            spacing: Theme.gap8
            FButton {
                id: cancelButton
                visible: dialog.cancellable
                text: qsTr("Cancel")
                onClicked: dialog.close()
            }
            FButton {
                id: acceptButton
                objectName: "dialogAccept"
                primary: !dialog.danger
                danger: dialog.danger
                enabled: dialog.acceptable
                text: dialog.acceptText
                onClicked: dialog.accept()
            }
        }
    }
    onVisibleChanged: if (visible) first.forceActiveFocus(Qt.TabFocusReason)
}
