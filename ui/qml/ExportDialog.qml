// SPDX-License-Identifier: MIT
// Which form conversations take on their way out, then where to.
import QtCore
import QtQuick
import QtQuick.Dialogs
import Fathom.Core

FDialog {
    id: dialog

    property var ids: [] // none: all
    property string format: "markdown"
    readonly property var sentences: ({
        markdown: qsTr("For reading and for other programs: the branch that is shown, as text with marks."),
        html: qsTr("For reading in a browser: one page that needs nothing else."),
        json: qsTr("Everything, all branches and settings. It can be imported again without loss.")
    })
    readonly property bool folder: format !== "json" && ids.length !== 1

    function ask(conversations) {
        ids = conversations
        open()
    }

    title: ids.length === 1 ? qsTr("Export this conversation")
        : ids.length === 0 ? qsTr("Export all conversations") : qsTr("Export %1 conversations").arg(ids.length)
    sentence: sentences[format]
    acceptText: folder ? qsTr("Choose a folder…") : qsTr("Choose a file…")
    onAccepted: {
        if (folder) {
            folderDialog.open()
            return
        }
        fileDialog.currentFile = fileDialog.currentFolder + "/"
            + encodeURIComponent(History.fileName(ids, format))
        fileDialog.open()
    }

    FChoice {
        name: qsTr("Form")
        options: [{ value: "markdown", text: "Markdown" }, { value: "html", text: "HTML" },
                  { value: "json", text: "JSON" }]
        value: dialog.format
        onChosen: value => dialog.format = value
    }
    FileDialog {
        id: fileDialog
        fileMode: FileDialog.SaveFile
        title: dialog.title
        acceptLabel: qsTr("Save")
        currentFolder: StandardPaths.writableLocation(StandardPaths.HomeLocation)
        onAccepted: History.exportTo(dialog.ids, dialog.format, selectedFile)
    }
    FolderDialog {
        id: folderDialog
        title: dialog.title
        acceptLabel: qsTr("Save here")
        currentFolder: StandardPaths.writableLocation(StandardPaths.HomeLocation)
        onAccepted: History.exportTo(dialog.ids, dialog.format, selectedFolder)
    }
}
