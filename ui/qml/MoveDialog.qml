// SPDX-License-Identifier: MIT
// To which folder: one that exists, or a new one by its name; "/" makes one inside another.
import QtQuick
import QtQuick.Controls.Basic
import Fathom
import Fathom.Core

FDialog {
    id: dialog

    property var ids: []
    readonly property string typed: field.text.trim()
    readonly property var offered: Conversations.folders.filter(
        name => typed === "" || name.toLowerCase().includes(typed.toLowerCase()))
    property int at: -1 // of those that are offered; -1: what is typed

    function ask(conversations) {
        ids = conversations
        field.text = ""
        at = -1
        open()
    }
    function move(folder) {
        close()
        Conversations.moveToFolder(ids, folder)
    }

    first: field
    title: qsTr("Move to a folder")
    acceptText: at >= 0 || typed === "" || Conversations.folders.includes(typed) ? qsTr("Move")
                                                                                : qsTr("Create and move")
    acceptable: at >= 0 || typed !== ""
    onAccepted: Conversations.moveToFolder(ids, at >= 0 ? offered[at] : typed)

    FTextField {
        id: field
        objectName: "folderField"
        width: parent.width
        iconName: "folder"
        maximumLength: 200
        placeholderText: qsTr("Folder, for example Work/Letters")
        onTextEdited: dialog.at = -1
        Keys.onDownPressed: dialog.at = Math.min(dialog.at + 1, dialog.offered.length - 1)
        Keys.onUpPressed: dialog.at = Math.max(dialog.at - 1, -1)
    }
    ListView {
        width: parent.width
        height: Math.min(contentHeight, Theme.px(220))
        visible: count > 0
        clip: true
        model: dialog.offered
        currentIndex: dialog.at
        boundsBehavior: Flickable.StopAtBounds
        Accessible.role: Accessible.List
        Accessible.name: qsTr("Folders")
        ScrollBar.vertical: FScrollBar {}
        delegate: ChoiceRow {
            required property int index
            required property string modelData
            width: ListView.view.width
            iconName: "folder"
            text: modelData
            current: dialog.at === index
            onClicked: dialog.move(modelData)
        }
    }
    FButton {
        flat: true
        iconName: "undo"
        text: qsTr("In no folder")
        onClicked: dialog.move("")
    }
}
