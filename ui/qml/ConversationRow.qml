// SPDX-License-Identifier: MIT
// One conversation in the sidebar.
import QtQuick
import QtQuick.Controls.Basic
import Fathom
import Fathom.Core

AbstractButton {
    id: row

    required property int index
    required property var model
    readonly property bool current: model.current === true
    readonly property bool trashed: model.inTrash === true
    readonly property string second: Conversations.searching ? (model.snippet ?? "")
        : Settings.showPreview ? (model.preview ?? "") : ""
    property bool renaming: false

    signal opened()

    function rename() {
        if (trashed)
            return
        field.text = model.title
        renaming = true
        field.forceActiveFocus()
        field.selectAll()
    }
    function remove() {
        if (trashed)
            Conversations.restore(model.conversationId)
        else
            Conversations.moveToTrash(model.conversationId)
    }
    function openMenu() {
        menuLoader.active = true
        menuLoader.item.popup(row, Theme.gap12, row.height)
    }

    width: ListView.view ? ListView.view.width : 0
    implicitHeight: second !== "" ? Theme.px(52) : Theme.px(33)
    focusPolicy: Qt.NoFocus
    hoverEnabled: true
    text: model.title
    Accessible.role: Accessible.ListItem
    Accessible.name: [text, model.pinned ? qsTr("pinned") : "", model.writing ? qsTr("being answered") : "",
                      model.unread ? qsTr("unread") : ""].filter(part => part !== "").join(", ")
    Accessible.selected: current
    onClicked: {
        if (!trashed)
            Conversations.open(model.conversationId)
        opened()
    }
    onDoubleClicked: rename()

    contentItem: Item {
        FText {
            id: title
            visible: !row.renaming
            x: Theme.px(10)
            y: row.second !== "" ? Theme.px(7) : (parent.height - height) / 2
            width: parent.width - x - side.width - Theme.gap8
            text: row.text
            font.weight: row.current || row.model.unread ? Theme.strong : Theme.regular
            color: row.trashed ? Theme.textMuted : Theme.text
        }
        FText {
            // What was found is shown bold; the rest is escaped, so it stays plain.
            readonly property int start: Conversations.searching ? (row.model.matchStart ?? 0) : 0
            readonly property int length: Conversations.searching ? (row.model.matchLength ?? 0) : 0
            visible: row.second !== "" && !row.renaming
            x: Theme.px(10)
            anchors.top: title.bottom
            anchors.topMargin: Theme.px(2)
            width: parent.width - x - Theme.gap8
            textFormat: length > 0 ? Text.StyledText : Text.PlainText
            text: length === 0 ? row.second
                : Markup.escape(row.second.slice(0, start))
                  + "<b>" + Markup.escape(row.second.slice(start, start + length)) + "</b>"
                  + Markup.escape(row.second.slice(start + length))
            maximumLineCount: 1
            font.pixelSize: Theme.captionSize
            color: Theme.textMuted
        }
        FTextField {
            id: field
            visible: row.renaming
            x: Theme.gap4
            width: parent.width - 2 * Theme.gap4
            anchors.verticalCenter: parent.verticalCenter
            implicitHeight: Theme.px(28)
            maximumLength: 200
            Accessible.name: qsTr("New title")
            function done(keep) {
                if (!row.renaming)
                    return
                row.renaming = false
                if (keep && text.trim() !== "" && text !== row.model.title)
                    Conversations.rename(row.model.conversationId, text.trim())
                row.ListView.view.forceActiveFocus()
            }
            onEditingFinished: done(true)
            Keys.onEscapePressed: done(false)
        }
        Item {
            id: side
            anchors.right: parent.right
            anchors.rightMargin: Theme.gap4
            anchors.verticalCenter: title.verticalCenter
            width: Theme.px(24)
            height: Theme.px(24)
            visible: !row.renaming
            Icon {
                visible: row.model.pinned === true && !menuButton.visible && !dot.visible
                anchors.centerIn: parent
                width: Theme.px(14)
                height: width
                name: "pin"
                color: Theme.textMuted
            }
            Rectangle { // an answer is being written
                id: dot
                visible: row.model.writing === true && !menuButton.visible
                anchors.centerIn: parent
                width: Theme.px(7)
                height: width
                radius: width / 2
                color: Theme.accent
                SequentialAnimation on scale {
                    running: dot.visible && !Platform.reduceMotion
                    loops: Animation.Infinite
                    NumberAnimation { from: 0.8; to: 1.1; duration: 700; easing.type: Easing.InOutSine }
                    NumberAnimation { from: 1.1; to: 0.8; duration: 700; easing.type: Easing.InOutSine }
                }
            }
            IconButton {
                id: menuButton
                visible: row.hovered || menuLoader.opened
                anchors.centerIn: parent
                implicitWidth: Theme.px(24)
                implicitHeight: Theme.px(24)
                iconName: "more"
                iconSize: 16
                focusPolicy: Qt.NoFocus
                text: qsTr("More")
                onClicked: menuLoader.popup()
            }
        }
    }
    background: Rectangle {
        radius: Theme.radius
        color: row.current ? Theme.selection : row.hovered ? Theme.hover(row.down) : "transparent"
        Rectangle {
            anchors.fill: parent
            radius: parent.radius
            color: "transparent"
            border.width: 2
            border.color: Theme.accent
            visible: row.ListView.isCurrentItem && row.ListView.view.activeFocus
                && row.ListView.view.byKeyboard
        }
    }
    TapHandler {
        acceptedButtons: Qt.RightButton
        onTapped: menuLoader.popup()
    }
    Loader {
        id: menuLoader
        readonly property bool opened: item !== null && item.opened
        function popup() {
            active = true
            item.popup()
        }
        active: false
        sourceComponent: row.trashed ? trashMenu : rowMenu
    }
    Component {
        id: rowMenu
        FMenu {
            FMenuItem {
                iconName: "pencil"
                text: qsTr("Rename")
                onTriggered: row.rename()
            }
            FMenuItem {
                iconName: "pin"
                text: row.model.pinned ? qsTr("Unpin") : qsTr("Pin")
                onTriggered: Conversations.setPinned(row.model.conversationId, !row.model.pinned)
            }
            FMenuItem {
                iconName: "archive"
                text: row.model.archived ? qsTr("Back from the archive") : qsTr("Archive")
                onTriggered: Conversations.setArchived(row.model.conversationId, !row.model.archived)
            }
            FMenuItem {
                iconName: "trash"
                danger: true
                text: qsTr("Delete")
                onTriggered: row.remove()
            }
        }
    }
    Component {
        id: trashMenu
        FMenu {
            FMenuItem {
                iconName: "undo"
                text: qsTr("Put back")
                onTriggered: Conversations.restore(row.model.conversationId)
            }
            FMenuItem {
                iconName: "trash"
                danger: true
                text: qsTr("Delete for ever")
                onTriggered: Conversations.deleteForEver(row.model.conversationId)
            }
        }
    }
}
