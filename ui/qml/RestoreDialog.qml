// SPDX-License-Identifier: MIT
// Which backup takes the place of the history.
import QtQuick
import QtQuick.Controls.Basic
import Fathom.Core

FDialog {
    id: dialog
    objectName: "restoreDialog"

    property int at: 0

    title: qsTr("Restore a backup?")
    sentence: qsTr("It takes the place of the history. What is there now is kept in the folder “damaged” "
                   + "beside it.")
    acceptText: qsTr("Restore")
    acceptable: at < History.backups.length
    onAboutToShow: at = 0
    onAccepted: History.restore(History.backups[at].file)

    ListView {
        width: parent.width
        height: Math.min(contentHeight, Theme.px(240))
        clip: true
        model: History.backups
        currentIndex: dialog.at
        focus: true
        boundsBehavior: Flickable.StopAtBounds
        Accessible.role: Accessible.List
        Accessible.name: qsTr("Backups")
        ScrollBar.vertical: FScrollBar {}
        Keys.onDownPressed: dialog.at = Math.min(dialog.at + 1, count - 1)
        Keys.onUpPressed: dialog.at = Math.max(dialog.at - 1, 0)
        delegate: ChoiceRow {
            required property int index
            required property var modelData
            width: ListView.view.width
            text: Qt.formatDateTime(modelData.time, Qt.locale(), Locale.LongFormat)
            detail: Platform.humanBytes(modelData.size)
            current: dialog.at === index
            onClicked: dialog.at = index
        }
    }
}
