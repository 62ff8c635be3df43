// SPDX-License-Identifier: MIT
// Type a few letters of a title, Enter opens it.
import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Templates as T
import Fathom.Core

Popup {
    id: popup
    objectName: "quickSwitch"

    signal chosen(var conversation)

    function take(row) {
        const id = Switcher.at(row)
        close()
        if (id !== 0)
            chosen(id)
    }

    parent: T.Overlay.overlay
    x: parent ? Math.round((parent.width - width) / 2) : 0
    y: parent ? Math.round(parent.height * 0.14) : 0
    width: Math.min(Theme.px(520), parent ? parent.width - Theme.gap32 : 0)
    padding: Theme.gap8
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
    onAboutToShow: {
        Switcher.open()
        field.text = ""
    }
    onVisibleChanged: if (visible) field.forceActiveFocus() // before it has faded in: one types at once
    onClosed: Switcher.close()
    contentItem: Column {
        spacing: Theme.gap8
        Accessible.role: Accessible.Dialog
        Accessible.name: qsTr("Go to a conversation")
        FTextField {
            id: field
            objectName: "quickField"
            width: parent.width
            implicitHeight: Theme.px(38)
            iconName: "search"
            placeholderText: qsTr("Go to a conversation")
            maximumLength: 200
            onTextEdited: Switcher.query = text
            Keys.onDownPressed: list.currentIndex = Math.min(list.currentIndex + 1, list.count - 1)
            Keys.onUpPressed: list.currentIndex = Math.max(list.currentIndex - 1, 0)
            Keys.onReturnPressed: popup.take(list.currentIndex)
            Keys.onEnterPressed: popup.take(list.currentIndex)
        }
        ListView {
            id: list
            width: parent.width
            height: Math.min(contentHeight, popup.parent ? popup.parent.height * 0.5 : 0)
            clip: true
            model: Switcher
            boundsBehavior: Flickable.StopAtBounds
            highlightMoveDuration: 0
            reuseItems: true
            Accessible.role: Accessible.List
            Accessible.name: qsTr("Conversations")
            ScrollBar.vertical: FScrollBar {}
            onCountChanged: currentIndex = 0
            delegate: ChoiceRow {
                required property int index
                required property var model
                width: ListView.view.width
                ListView.onPooled: visible = false
                ListView.onReused: visible = true
                iconName: "chat"
                text: model.title
                detail: model.detail
                current: ListView.isCurrentItem
                onClicked: popup.take(index)
            }
        }
        FText {
            visible: list.count === 0
            leftPadding: Theme.gap8
            bottomPadding: Theme.gap8
            text: field.text === "" ? qsTr("There is no conversation yet.")
                                    : qsTr("No title fits “%1”.").arg(field.text)
            color: Theme.textMuted
        }
    }
    Connections {
        target: Switcher
        function onModelReset() { list.currentIndex = 0 }
    }
}
