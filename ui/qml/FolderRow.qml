// SPDX-License-Identifier: MIT
// The head of a folder in the sidebar. A click folds it; conversations can be dropped on it.
import QtQuick
import QtQuick.Templates as T
import Fathom
import Fathom.Core

T.ItemDelegate {
    id: row

    required property int index
    required property var model
    required property var sidebar
    required property ListView list
    readonly property bool isFolder: true
    readonly property bool target: sidebar.dropFolder === model.folder
    readonly property bool open: model.folderOpen === true

    function activate() { Conversations.toggleFolder(model.folder) }
    function openMenu() { sidebar.openFolderMenu(model.folder, row) }
    function rename() { sidebar.askFolderName(model.folder) }
    function remove() { Conversations.removeFolder(model.folder) }
    function fold(open) {
        if (open !== row.open)
            activate()
    }

    implicitHeight: Theme.px(33)
    focusPolicy: Qt.NoFocus
    hoverEnabled: true
    down: area.pressed
    text: model.title
    Accessible.name: [qsTr("Folder %1").arg(text),
                      model.folderCount === 1 ? qsTr("one conversation")
                                              : qsTr("%1 conversations").arg(model.folderCount ?? 0),
                      open ? qsTr("unfolded") : qsTr("folded")].join(", ")
    onClicked: activate()

    contentItem: Item {
        RowArea {
            id: area
            anchors.fill: parent
            sidebar: row.sidebar
            onChosen: row.clicked()
            onMenuWanted: row.openMenu()
        }
        Icon {
            id: chevron
            x: Theme.px(6) + Theme.px(14) * (row.model.depth ?? 0)
            anchors.verticalCenter: parent.verticalCenter
            width: Theme.px(14)
            height: width
            name: row.open ? "down" : "right"
            color: Theme.textMuted
        }
        Icon {
            id: sign
            anchors.left: chevron.right
            anchors.leftMargin: Theme.px(4)
            anchors.verticalCenter: parent.verticalCenter
            width: Theme.px(17)
            height: width
            name: "folder"
            color: row.target ? Theme.accent : Theme.textMuted
        }
        FText {
            anchors.left: sign.right
            anchors.leftMargin: Theme.gap8
            anchors.right: count.left
            anchors.rightMargin: Theme.gap8
            anchors.verticalCenter: parent.verticalCenter
            text: row.text
            font.weight: row.model.unread === true && !row.open ? Theme.strong : Theme.regular
        }
        FText {
            id: count
            anchors.right: parent.right
            anchors.rightMargin: Theme.px(10)
            anchors.verticalCenter: parent.verticalCenter
            visible: !menuButton.visible
            text: Number(row.model.folderCount ?? 0).toLocaleString(Qt.locale(), "f", 0)
            font.pixelSize: Theme.captionSize
            color: Theme.textMuted
        }
        IconButton {
            id: menuButton
            visible: row.hovered
            anchors.right: parent.right
            anchors.rightMargin: Theme.gap4
            anchors.verticalCenter: parent.verticalCenter
            implicitWidth: Theme.px(24)
            implicitHeight: Theme.px(24)
            iconName: "more"
            iconSize: 16
            focusPolicy: Qt.NoFocus
            text: qsTr("More")
            onClicked: row.openMenu()
        }
    }
    background: Rectangle {
        radius: Theme.radius
        color: row.target ? Theme.selection : row.hovered ? Theme.hover(row.down) : "transparent"
        border.width: row.target ? Theme.hairline : 0
        border.color: Theme.accent
        Rectangle {
            anchors.fill: parent
            radius: parent.radius
            color: "transparent"
            border.width: 2
            border.color: Theme.accent
            visible: row.list && row.list.currentIndex === row.index && row.list.activeFocus
                && row.list.byKeyboard
        }
    }
}
