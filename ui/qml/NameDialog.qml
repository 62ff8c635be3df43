// SPDX-License-Identifier: MIT
// Asks for the path of a folder: a new one, or another for one that exists.
import QtQuick
import Fathom.Core

FDialog {
    property string folder // empty: a new one

    function ask(existing, path) {
        folder = existing
        field.text = path
        open()
        if (existing !== "")
            field.selectAll()
    }

    first: field
    title: folder !== "" ? qsTr("Rename or move the folder") : qsTr("New folder")
    acceptText: folder !== "" ? qsTr("Rename") : qsTr("Create")
    acceptable: field.text.trim() !== ""
    onAccepted: {
        if (folder !== "")
            Conversations.renameFolder(folder, field.text)
        else
            Conversations.addFolder(field.text)
    }

    FTextField {
        id: field
        objectName: "folderName"
        width: parent.width
        iconName: "folder"
        maximumLength: 200
        placeholderText: qsTr("Name; “/” makes one inside another")
    }
}
