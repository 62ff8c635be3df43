// SPDX-License-Identifier: MIT
// The model in use, and a list to choose another; while one loads, its progress and a way to cancel.
import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Templates as T
import Fathom
import Fathom.Core

Item {
    id: picker

    property real maximumWidth: Theme.px(320)
    readonly property bool loading: Models.state === "loading"

    signal showModels()

    function open() { popup.open() }

    implicitHeight: Theme.controlHeight - 2
    implicitWidth: loading ? progress.width : button.width

    Row {
        id: progress
        visible: picker.loading
        height: parent.height
        spacing: Theme.gap8
        Accessible.role: Accessible.ProgressBar
        Accessible.name: qsTr("Loading %1, %2 percent").arg(Models.currentName)
            .arg(Math.round(Models.progress * 100))
        Column {
            anchors.verticalCenter: parent.verticalCenter
            spacing: Theme.gap4
            FText {
                width: Math.min(implicitWidth, picker.maximumWidth)
                text: qsTr("Loading %1").arg(Models.currentName)
                      + (Models.progressText !== "" ? " · " + Models.progressText : "")
                font.pixelSize: Theme.captionSize
                color: Theme.textMuted
            }
            Rectangle {
                width: Math.max(parent.width, Theme.px(160))
                height: Theme.px(3)
                radius: height / 2
                color: Theme.line
                Rectangle {
                    width: parent.width * Math.max(0.02, Math.min(1, Models.progress))
                    height: parent.height
                    radius: height / 2
                    color: Theme.accent
                }
            }
        }
        IconButton {
            anchors.verticalCenter: parent.verticalCenter
            iconName: "close"
            iconSize: 15
            text: qsTr("Cancel loading")
            onClicked: Models.cancelLoad()
        }
    }
    AbstractButton {
        id: button
        objectName: "modelPicker"
        visible: !picker.loading
        height: parent.height
        width: Math.min(face.implicitWidth, picker.maximumWidth)
        focusPolicy: Qt.TabFocus
        hoverEnabled: true
        text: Models.state === "ready" || Models.state === "asleep" ? Models.currentName
            : Models.state === "failed" ? qsTr("Model did not load") : qsTr("Choose a model")
        Accessible.name: qsTr("Model: %1").arg(text)
        onClicked: popup.opened ? popup.close() : popup.open()
        Keys.onReturnPressed: clicked()
        Keys.onDownPressed: popup.open()
        contentItem: Item {
            id: face
            implicitWidth: name.implicitWidth + Theme.px(44)
            FText {
                id: name
                x: Theme.gap12
                width: parent.width - Theme.px(42)
                height: parent.height
                text: button.text
                color: Models.state === "failed" ? Theme.danger : Theme.text
            }
            Icon {
                anchors.right: parent.right
                anchors.rightMargin: Theme.gap8
                anchors.verticalCenter: parent.verticalCenter
                width: Theme.px(16)
                height: width
                name: "down"
                color: Theme.textMuted
            }
        }
        background: Rectangle {
            radius: Theme.radius
            color: Theme.window
            border.width: Theme.hairline
            border.color: Theme.line
            Rectangle {
                anchors.fill: parent
                radius: parent.radius
                color: button.hovered || button.down || popup.opened ? Theme.hover(button.down)
                    : "transparent"
            }
            FocusRing { target: button }
        }
    }
    Popup {
        id: popup
        y: parent.height + Theme.gap4
        x: parent.width - width
        width: Theme.px(360)
        padding: Theme.gap4
        closePolicy: Popup.CloseOnEscape | Popup.CloseOnPressOutsideParent
        focus: true
        onVisibleChanged: {
            if (!visible)
                return
            list.currentIndex = Math.max(0, list.currentIndex)
            list.forceActiveFocus()
        }
        background: Rectangle {
            radius: Theme.cardRadius
            color: Theme.window
            border.width: Theme.hairline
            border.color: Theme.line
            Shadow {}
        }
        enter: Transition {
            NumberAnimation { property: "opacity"; from: 0; to: 1; duration: Theme.duration }
        }
        contentItem: Column {
            Accessible.role: Accessible.PopupMenu
            Accessible.name: qsTr("Models")
            ListView {
                id: list
                width: parent.width
                height: Math.min(contentHeight, Theme.px(380))
                model: Models
                clip: true
                boundsBehavior: Flickable.StopAtBounds
                keyNavigationEnabled: true
                Keys.onReturnPressed: if (currentItem) currentItem.choose()
                Keys.onEnterPressed: if (currentItem) currentItem.choose()
                ScrollBar.vertical: FScrollBar {}
                delegate: T.ItemDelegate {
                    id: entry
                    required property int index
                    required property string path
                    required property string name
                    required property string sizeText
                    required property string type
                    required property bool fits
                    required property string reason
                    required property bool current
                    width: ListView.view.width
                    implicitHeight: Theme.px(48)
                    hoverEnabled: true
                    focusPolicy: Qt.NoFocus
                    text: name
                    enabled: fits
                    Accessible.name: [name, sizeText, fits ? "" : reason].filter(part => part !== "").join(", ")
                    Accessible.selectable: true
                    Accessible.selected: current
                    function choose() {
                        if (!fits)
                            return
                        popup.close()
                        if (!current || (Models.state !== "ready" && Models.state !== "asleep"))
                            Models.load(path)
                    }
                    onClicked: choose()
                    onHoveredChanged: if (hovered) list.currentIndex = index
                    contentItem: Item {
                        Column {
                            x: Theme.gap8
                            anchors.verticalCenter: parent.verticalCenter
                            width: parent.width - Theme.px(44)
                            spacing: 2
                            FText {
                                width: parent.width
                                text: entry.name
                                font.weight: entry.current ? Theme.strong : Theme.regular
                                color: entry.fits ? Theme.text : Theme.textMuted
                            }
                            FText {
                                width: parent.width
                                text: entry.fits ? [entry.type, entry.sizeText]
                                    .filter(part => part !== "").join(" · ")
                                                 : entry.reason
                                font.pixelSize: Theme.captionSize
                                color: entry.fits ? Theme.textMuted : Theme.warning
                            }
                        }
                        Icon {
                            visible: entry.current
                            anchors.right: parent.right
                            anchors.rightMargin: Theme.gap8
                            anchors.verticalCenter: parent.verticalCenter
                            width: Theme.px(17)
                            height: width
                            name: "check"
                            color: Theme.accent
                        }
                    }
                    background: Rectangle {
                        radius: Theme.radius
                        color: entry.ListView.isCurrentItem ? Theme.hover(entry.down) : "transparent"
                    }
                }
            }
            FText {
                visible: list.count === 0
                width: parent.width
                padding: Theme.gap12
                wrapMode: Text.Wrap
                text: Models.scanning ? qsTr("Looking for models…")
                    : qsTr("No models found yet. Add a folder that holds some.")
                color: Theme.textMuted
            }
            Rectangle {
                width: parent.width
                height: Theme.hairline
                color: Theme.line
            }
            FButton {
                width: parent.width
                flat: true
                iconName: "models"
                text: qsTr("All models and folders…")
                onClicked: {
                    popup.close()
                    picker.showModels()
                }
            }
        }
    }
}
