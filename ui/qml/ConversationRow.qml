// SPDX-License-Identifier: MIT
// One conversation in the sidebar.
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
    readonly property bool isFolder: false
    readonly property bool current: model.current === true
    readonly property bool selected: model.selected === true
    readonly property bool trashed: model.inTrash === true
    readonly property bool temporary: model.temporary === true
    readonly property int indent: Theme.px(10) + Theme.px(14) * (model.depth ?? 0)
    // A title that was found shows where; its conversation then says how it ends.
    readonly property bool titleFound: Conversations.searching && model.matchLength > 0
        && model.snippet === model.title
    readonly property string second: Conversations.searching && !titleFound ? (model.snippet ?? "")
        : titleFound || Settings.showPreview ? Markup.plainLine(model.preview ?? "") : ""
    readonly property string tagLine: (model.tags ?? []).join(" · ")
    property bool renaming: false

    function rename() {
        if (trashed)
            return
        field.text = model.title
        renaming = true
        field.forceActiveFocus()
        field.selectAll()
    }
    function remove() {
        if (trashed)
            Conversations.putBack(Conversations.targets(model.conversationId))
        else
            Conversations.trash(Conversations.targets(model.conversationId))
    }
    // What was found is shown bold; the rest is escaped, so it stays plain.
    function marked(text) {
        const end = model.matchStart + model.matchLength
        return Markup.escape(text.slice(0, model.matchStart)) + "<b>"
            + Markup.escape(text.slice(model.matchStart, end)) + "</b>" + Markup.escape(text.slice(end))
    }
    function openMenu() { sidebar.openMenu(row) }
    function fold(open) {
        if (!open && model.folder !== "")
            sidebar.toFolderHead(model.folder)
    }
    // A plain click opens; with Ctrl or Shift it chooses.
    function choose(modifiers) {
        list.byKeyboard = false
        list.currentIndex = index
        if (modifiers & Qt.ShiftModifier)
            Conversations.selectTo(index)
        else if (modifiers & Qt.ControlModifier)
            Conversations.toggleSelected(index)
        else
            row.clicked()
    }

    implicitHeight: second !== "" ? Theme.px(52) : Theme.px(33)
    focusPolicy: Qt.NoFocus
    hoverEnabled: true
    down: area.pressed
    text: model.title
    Accessible.name: [text, model.pinned ? qsTr("pinned") : "", temporary ? qsTr("not kept") : "",
                      model.writing ? qsTr("being answered") : "", model.unread ? qsTr("unread") : "",
                      tagLine !== "" ? qsTr("tagged %1").arg(tagLine) : ""].filter(part => part !== "")
        .join(", ")
    Accessible.selectable: true
    Accessible.selected: current || selected
    onClicked: {
        Conversations.clearSelection()
        if (!trashed)
            Conversations.open(model.conversationId)
        sidebar.chosen()
    }

    contentItem: Item {
        RowArea {
            id: area
            anchors.fill: parent
            sidebar: row.sidebar
            dragIds: () => row.trashed || row.temporary || row.renaming ? []
                : Conversations.targets(row.model.conversationId)
            dragName: row.text
            onChosen: modifiers => row.choose(modifiers)
            onMenuWanted: row.openMenu()
            onRenameWanted: row.rename()
        }
        Icon {
            id: sign
            visible: row.temporary && !row.renaming
            x: row.indent
            anchors.verticalCenter: title.verticalCenter
            width: visible ? Theme.px(15) : 0
            height: width
            name: "hidden"
            color: Theme.textMuted
        }
        FText {
            id: title
            visible: !row.renaming
            x: row.indent + (sign.visible ? sign.width + Theme.px(7) : 0)
            y: row.second !== "" ? Theme.px(7) : (parent.height - height) / 2
            width: parent.width - x - side.width - Theme.gap8 - (tags.visible ? tags.width + Theme.gap8 : 0)
            textFormat: row.titleFound ? Text.StyledText : Text.PlainText
            text: row.titleFound ? row.marked(row.text) : row.text
            maximumLineCount: 1
            font.weight: row.current || row.model.unread ? Theme.strong : Theme.regular
            color: row.trashed ? Theme.textMuted : Theme.text
        }
        FText {
            id: tags
            visible: row.tagLine !== "" && !row.renaming && !menuButton.visible
            anchors.right: side.visible && (dot.visible || pinSign.visible) ? side.left : parent.right
            anchors.rightMargin: dot.visible || pinSign.visible ? 0 : Theme.px(10)
            anchors.verticalCenter: title.verticalCenter
            width: Math.min(implicitWidth, row.width * 0.34)
            text: row.tagLine
            font.pixelSize: Theme.captionSize
            color: Theme.textMuted
        }
        FText {
            readonly property bool found: Conversations.searching && !row.titleFound && row.model.matchLength > 0
            visible: row.second !== "" && !row.renaming
            x: row.indent
            anchors.top: title.bottom
            anchors.topMargin: Theme.px(2)
            width: parent.width - x - Theme.gap8
            textFormat: found ? Text.StyledText : Text.PlainText
            text: found ? row.marked(row.second) : row.second
            maximumLineCount: 1
            font.pixelSize: Theme.captionSize
            color: Theme.textMuted
        }
        FTextField {
            id: field
            visible: row.renaming
            x: Theme.gap4
            width: parent.width - 2 * Theme.gap4
            anchors.verticalCenter: parent.verticalCenter
            implicitHeight: Theme.px(28)
            maximumLength: 200
            Accessible.name: qsTr("New title")
            function done(keep) {
                if (!row.renaming)
                    return
                row.renaming = false
                if (keep && text.trim() !== "" && text !== row.model.title)
                    Conversations.rename(row.model.conversationId, text.trim())
                row.forceActiveFocus() // the list's keys pass through its row
            }
            onEditingFinished: done(true)
            Keys.onEscapePressed: done(false)
        }
        Item {
            id: side
            anchors.right: parent.right
            anchors.rightMargin: Theme.gap4
            anchors.verticalCenter: title.verticalCenter
            width: Theme.px(24)
            height: Theme.px(24)
            visible: !row.renaming
            Icon {
                id: pinSign
                visible: row.model.pinned === true && !menuButton.visible && !dot.visible
                anchors.centerIn: parent
                width: Theme.px(14)
                height: width
                name: "pin"
                color: Theme.textMuted
            }
            Rectangle { // an answer is being written
                id: dot
                visible: row.model.writing === true && !menuButton.visible
                anchors.centerIn: parent
                width: Theme.px(7)
                height: width
                radius: width / 2
                color: Theme.accent
                SequentialAnimation on scale {
                    running: dot.visible && !Platform.reduceMotion
                    loops: Animation.Infinite
                    NumberAnimation { from: 0.8; to: 1.1; duration: 700; easing.type: Easing.InOutSine }
                    NumberAnimation { from: 1.1; to: 0.8; duration: 700; easing.type: Easing.InOutSine }
                }
            }
            IconButton {
                id: menuButton
                visible: row.hovered || row.sidebar.menuRow === row
                anchors.centerIn: parent
                implicitWidth: Theme.px(24)
                implicitHeight: Theme.px(24)
                iconName: "more"
                iconSize: 16
                focusPolicy: Qt.NoFocus
                text: qsTr("More")
                onClicked: row.openMenu()
            }
        }
    }
    background: Rectangle {
        radius: Theme.radius
        color: row.current || row.selected ? Theme.selection
            : row.hovered ? Theme.hover(row.down) : "transparent"
        Rectangle { // chosen among several
            visible: row.selected
            width: Theme.px(3)
            height: parent.height - Theme.gap12
            anchors.verticalCenter: parent.verticalCenter
            radius: width / 2
            color: Theme.accent
        }
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
