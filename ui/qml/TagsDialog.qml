// SPDX-License-Identifier: MIT
// The tags of one or several conversations. What is ticked applies at once.
import QtQuick
import QtQuick.Controls.Basic
import Fathom
import Fathom.Core

FDialog {
    id: dialog

    property var ids: []
    property int revision: 0 // counts up when the conversations change

    function ask(conversations) {
        ids = conversations
        field.text = ""
        open()
    }
    function add() {
        if (field.text.trim() !== "")
            Conversations.setTag(ids, field.text, true)
        field.text = ""
    }
    function state(tag, _) { // 0 none, 1 some, 2 all
        const with_ = Conversations.countWithTag(ids, tag)
        return with_ === 0 ? 0 : with_ < ids.length ? 1 : 2
    }

    first: field
    title: qsTr("Tags")
    acceptText: qsTr("Done")
    cancellable: false
    onAccepted: add()
    Connections {
        target: Conversations
        function onDataChanged() { dialog.revision += 1 }
    }

    FTextField {
        id: field
        objectName: "tagField"
        width: parent.width
        iconName: "tag"
        maximumLength: 60
        placeholderText: qsTr("Add a tag")
        Keys.onReturnPressed: event => {
            event.accepted = text.trim() !== ""
            dialog.add()
        }
    }
    ListView {
        width: parent.width
        height: Math.min(contentHeight, Theme.px(240))
        visible: count > 0
        clip: true
        model: Conversations.tags
        boundsBehavior: Flickable.StopAtBounds
        activeFocusOnTab: true
        keyNavigationEnabled: true
        Accessible.role: Accessible.List
        Accessible.name: qsTr("Tags")
        ScrollBar.vertical: FScrollBar {}
        Keys.onSpacePressed: if (currentItem) currentItem.clicked()
        delegate: ChoiceRow {
            id: tag
            required property int index
            required property string modelData
            readonly property int state_: dialog.state(modelData, dialog.revision)
            width: ListView.view.width
            iconName: state_ === 2 ? "check" : state_ === 1 ? "minus" : "tag"
            text: modelData
            current: ListView.isCurrentItem && ListView.view.activeFocus
            Accessible.name: state_ === 2 ? qsTr("%1, set").arg(text)
                : state_ === 1 ? qsTr("%1, set on some").arg(text) : text
            onClicked: Conversations.setTag(dialog.ids, modelData, state_ !== 2)
        }
    }
}
