// SPDX-License-Identifier: MIT
// All keys, made from the table that also makes the shortcuts.
import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Templates as T
import Fathom
import Fathom.Core

Popup {
    id: popup
    objectName: "keysList"

    property var commands: []
    readonly property var groups: {
        const names = []
        for (const command of commands) {
            if (!names.includes(command.group))
                names.push(command.group)
        }
        return names
    }
    readonly property bool wide: width > Theme.px(620)

    function shown(keys) {
        return keys.replace("Return", qsTr("Enter")).replace("PgDown", qsTr("Page down"))
            .replace("PgUp", qsTr("Page up")).replace(/\+(?=.)/g, " ").replace("Del", qsTr("Delete"))
            .replace("Up", "↑").replace("Down", "↓").replace("Left", "←").replace("Right", "→")
    }

    parent: T.Overlay.overlay
    anchors.centerIn: parent
    width: Math.min(Theme.px(820), parent ? parent.width - Theme.gap32 : 0)
    height: Math.min(body.implicitHeight + Theme.px(72), parent ? parent.height - Theme.gap32 : 0)
    padding: 0
    modal: true
    focus: true
    T.Overlay.modal: Rectangle { color: Qt.rgba(0, 0, 0, Theme.dark ? 0.5 : 0.25) }
    background: Rectangle {
        radius: Theme.cardRadius
        color: Theme.floating
        border.width: Theme.hairline
        border.color: Theme.line
        Shadow {}
    }
    enter: Transition { NumberAnimation { property: "opacity"; from: 0; to: 1; duration: Theme.duration } }
    onOpened: scroll.forceActiveFocus()
    contentItem: Item {
        Accessible.role: Accessible.Dialog
        Accessible.name: qsTr("Keys")
        FText {
            id: title
            x: Theme.gap24
            height: Theme.px(52)
            text: qsTr("Keys")
            font.pixelSize: Theme.titleSize
            font.weight: Theme.strong
            Accessible.role: Accessible.Heading
            Accessible.name: text
        }
        IconButton {
            anchors.right: parent.right
            anchors.rightMargin: Theme.gap12
            anchors.verticalCenter: title.verticalCenter
            iconName: "close"
            text: qsTr("Close")
            onClicked: popup.close()
        }
        Flickable {
            id: scroll
            anchors.top: title.bottom
            anchors.bottom: parent.bottom
            anchors.bottomMargin: Theme.gap12
            width: parent.width
            contentHeight: body.implicitHeight
            clip: true
            boundsBehavior: Flickable.StopAtBounds
            ScrollBar.vertical: FScrollBar {}
            Keys.onDownPressed: contentY = Math.min(contentY + Theme.px(60), Math.max(0, contentHeight - height))
            Keys.onUpPressed: contentY = Math.max(0, contentY - Theme.px(60))
            Flow {
                id: body
                x: Theme.gap24
                width: scroll.width - 2 * Theme.gap24
                spacing: Theme.gap24
                Repeater {
                    model: popup.groups
                    Column {
                        id: group
                        required property string modelData
                        width: popup.wide ? (body.width - Theme.gap24) / 2 : body.width
                        spacing: Theme.gap4
                        FText {
                            bottomPadding: Theme.gap4
                            text: group.modelData
                            font.weight: Theme.strong
                            Accessible.role: Accessible.Heading
                            Accessible.name: text
                        }
                        Repeater {
                            model: popup.commands.filter(command => command.group === group.modelData)
                            Item {
                                id: line
                                required property var modelData
                                width: group.width
                                height: Theme.px(26)
                                Accessible.role: Accessible.ListItem
                                Accessible.name: modelData.text + ": " + modelData.keys.join(", ")
                                FText {
                                    anchors.left: parent.left
                                    anchors.right: caps.left
                                    anchors.rightMargin: Theme.gap8
                                    anchors.verticalCenter: parent.verticalCenter
                                    text: line.modelData.text
                                }
                                Row {
                                    id: caps
                                    anchors.right: parent.right
                                    anchors.verticalCenter: parent.verticalCenter
                                    spacing: Theme.gap4
                                    Repeater {
                                        model: line.modelData.keys
                                        Rectangle {
                                            required property string modelData
                                            width: cap.implicitWidth + Theme.gap12
                                            height: Theme.px(22)
                                            radius: Theme.px(4)
                                            color: Theme.raised
                                            FText {
                                                id: cap
                                                anchors.centerIn: parent
                                                text: popup.shown(parent.modelData)
                                                font.pixelSize: Theme.captionSize
                                                color: Theme.textMuted
                                            }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
