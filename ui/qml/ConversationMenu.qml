// SPDX-License-Identifier: MIT
// What can be done with a conversation, or with all that are chosen.
import QtQuick
import Fathom.Core

FMenu {
    id: menu

    property var ids: []
    property Item row: null
    readonly property bool one: ids.length === 1
    // As they were when it was opened: the row may be gone before the menu is.
    property bool trash: false
    property bool temporary: false
    property bool pinned: false
    property bool archived: false

    signal renameWanted(Item row)
    signal moveWanted(var ids)
    signal tagsWanted(var ids)
    signal exportWanted(var ids)
    signal eraseWanted(var ids)

    component Entry: FMenuItem {
        property bool offered: true
        visible: offered
        height: offered ? implicitHeight : 0
    }

    function show(conversations, below) {
        ids = conversations
        row = below
        trash = below.trashed
        temporary = below.temporary
        pinned = below.model.pinned === true
        archived = below.model.archived === true
        popup(below, Theme.gap12, below.height)
    }

    implicitWidth: Theme.px(220)

    Entry {
        offered: menu.one && !menu.trash
        iconName: "pencil"
        text: qsTr("Rename")
        onTriggered: menu.renameWanted(menu.row)
    }
    Entry {
        offered: !menu.trash && !menu.temporary
        iconName: "pin"
        text: menu.pinned ? qsTr("Unpin") : qsTr("Pin")
        onTriggered: Conversations.pin(menu.ids, !menu.pinned)
    }
    Entry {
        offered: !menu.trash && !menu.temporary
        iconName: "folder"
        text: qsTr("Move to folder…")
        onTriggered: menu.moveWanted(menu.ids)
    }
    Entry {
        offered: !menu.trash && !menu.temporary
        iconName: "tag"
        text: qsTr("Tags…")
        onTriggered: menu.tagsWanted(menu.ids)
    }
    Entry {
        offered: !menu.trash && !menu.temporary
        iconName: "export"
        text: qsTr("Export…")
        onTriggered: menu.exportWanted(menu.ids)
    }
    Entry {
        offered: !menu.trash && !menu.temporary
        iconName: "archive"
        text: menu.archived ? qsTr("Back from the archive") : qsTr("Archive")
        onTriggered: Conversations.archive(menu.ids, !menu.archived)
    }
    Entry {
        offered: !menu.trash && !menu.temporary
        iconName: "trash"
        danger: true
        text: qsTr("Delete")
        onTriggered: Conversations.trash(menu.ids)
    }
    Entry {
        offered: menu.temporary
        iconName: "close"
        danger: true
        text: qsTr("Close and forget")
        onTriggered: Conversations.erase(menu.ids)
    }
    Entry {
        offered: menu.trash
        iconName: "undo"
        text: qsTr("Put back")
        onTriggered: Conversations.putBack(menu.ids)
    }
    Entry {
        offered: menu.trash
        iconName: "trash"
        danger: true
        text: qsTr("Delete for ever…")
        onTriggered: menu.eraseWanted(menu.ids)
    }
}
