// SPDX-License-Identifier: MIT
// A line of the sidebar: a conversation or the head of a folder.
import QtQuick

Loader {
    id: entry

    required property int index
    required property var model
    property var host // the sidebar

    width: ListView.view ? ListView.view.width - Theme.gap12 : 0
    ListView.onPooled: visible = false // a row that is kept for later is no row to a screen reader
    ListView.onReused: visible = true
    sourceComponent: model.isFolder === true ? folder : conversation

    Component {
        id: conversation
        ConversationRow {
            focus: true
            width: entry.width
            index: entry.index
            model: entry.model
            sidebar: entry.host
            list: entry.ListView.view
        }
    }
    Component {
        id: folder
        FolderRow {
            focus: true
            width: entry.width
            index: entry.index
            model: entry.model
            sidebar: entry.host
            list: entry.ListView.view
        }
    }
}
