// SPDX-License-Identifier: MIT
// Above the conversation: its title, editable in place; how full the context is; the model.
import QtQuick
import QtQuick.Controls.Basic
import Fathom.Core

Item {
    id: header

    property bool sidebarVisible: true
    property bool narrow: width < Theme.px(640)
    readonly property alias picker: picker

    signal toggleSidebar()
    signal showModels()
    signal showSettings()

    function rename() {
        if (Conversations.currentId === 0)
            return
        title.text = Conversations.currentTitle
        title.readOnly = false
        title.forceActiveFocus()
        title.selectAll()
    }

    implicitHeight: Theme.headerHeight

    IconButton {
        id: sidebarButton
        visible: !header.sidebarVisible
        anchors.left: parent.left
        anchors.leftMargin: Theme.gap12
        anchors.verticalCenter: parent.verticalCenter
        iconName: "sidebar"
        text: qsTr("Show the sidebar (Ctrl+B)")
        onClicked: header.toggleSidebar()
    }
    TextInput {
        id: title
        anchors.left: sidebarButton.visible ? sidebarButton.right : parent.left
        anchors.leftMargin: sidebarButton.visible ? Theme.gap8 : Theme.gap24
        anchors.right: right.left
        anchors.rightMargin: Theme.gap16
        anchors.verticalCenter: parent.verticalCenter
        readOnly: true
        clip: true
        visible: !label.visible
        font.family: Theme.uiFont
        font.pixelSize: Theme.interfaceSize
        font.weight: Theme.strong
        color: Theme.text
        selectionColor: Theme.mix(Theme.window, Theme.accent, 0.3)
        selectedTextColor: Theme.text
        selectByMouse: true
        maximumLength: 200
        Accessible.role: Accessible.EditableText
        Accessible.name: qsTr("Title of the conversation")
        function done(keep) {
            if (readOnly)
                return
            readOnly = true
            if (keep && text.trim() !== "" && text !== Conversations.currentTitle)
                Conversations.rename(Conversations.currentId, text.trim())
        }
        onEditingFinished: done(true)
        Keys.onEscapePressed: event => {
            event.accepted = !readOnly
            done(false)
        }
        Rectangle {
            anchors.fill: parent
            anchors.margins: -Theme.px(6)
            z: -1
            radius: Theme.radius
            color: Theme.raised
        }
    }
    FText {
        id: label
        visible: title.readOnly
        anchors.left: title.left
        anchors.right: title.right
        anchors.verticalCenter: parent.verticalCenter
        text: Conversations.currentId === 0 ? qsTr("New chat") : Conversations.currentTitle
        font.weight: Theme.strong
        Accessible.role: Accessible.Heading
        Accessible.name: text
        TapHandler {
            acceptedButtons: Qt.LeftButton
            onDoubleTapped: header.rename()
        }
        HoverHandler { id: titleHover }
        FToolTip {
            visible: titleHover.hovered && Conversations.currentId !== 0
            text: qsTr("Double-click or F2 to rename")
        }
    }
    Row {
        id: right
        anchors.right: parent.right
        anchors.rightMargin: header.narrow ? Theme.gap12 : Theme.gap24
        anchors.verticalCenter: parent.verticalCenter
        spacing: Theme.gap16
        ConversationSettings {
            anchors.verticalCenter: parent.verticalCenter
            visible: !header.narrow
        }
        ContextMeter {
            anchors.verticalCenter: parent.verticalCenter
            visible: !header.narrow && Chat.contextUsed > 0
                     && (Models.state === "ready" || Models.state === "asleep")
            onShowSettings: header.showSettings()
        }
        ModelPicker {
            id: picker
            maximumWidth: header.width * 0.42
            onShowModels: header.showModels()
        }
    }
    Rectangle {
        anchors.bottom: parent.bottom
        width: parent.width
        height: Theme.hairline
        color: Theme.line
    }
}
