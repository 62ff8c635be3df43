// SPDX-License-Identifier: MIT
// The conversations: new chat, search, the list, and the way to the rest of the window.
import QtQuick
import QtQuick.Controls.Basic
import Fathom
import Fathom.Core

Rectangle {
    id: sidebar
    objectName: "sidebar"

    property string page: "chat"
    property bool overlay: false
    readonly property bool trash: Conversations.scope === "trash"
    readonly property bool archive: Conversations.scope === "archived"

    signal collapse()
    signal show(string page)
    signal chosen() // something was opened

    function focusSearch() {
        search.forceActiveFocus()
        search.selectAll()
    }

    color: Theme.sidebar
    Accessible.role: Accessible.Pane
    Accessible.name: qsTr("Conversations")

    Item {
        id: top
        x: Theme.gap12
        y: Theme.gap12
        width: parent.width - 2 * Theme.gap12
        height: Theme.px(34)
        AbstractButton {
            id: newChat
            objectName: "newChatButton"
            anchors.left: parent.left
            anchors.right: collapseButton.left
            anchors.rightMargin: Theme.gap8
            height: parent.height
            focusPolicy: Qt.TabFocus
            hoverEnabled: true
            text: qsTr("New chat")
            Accessible.role: Accessible.Button
            Accessible.name: text
            onClicked: {
                Conversations.scope = "active"
                Conversations.newConversation()
                sidebar.chosen()
            }
            Keys.onReturnPressed: click()
            contentItem: Item {
                Icon {
                    id: plus
                    x: Theme.px(9)
                    anchors.verticalCenter: parent.verticalCenter
                    width: Theme.px(18)
                    height: width
                    name: "plus"
                    color: Theme.text
                }
                FText {
                    anchors.left: plus.right
                    anchors.leftMargin: Theme.px(7)
                    anchors.verticalCenter: parent.verticalCenter
                    text: newChat.text
                }
                FText {
                    anchors.right: parent.right
                    anchors.rightMargin: Theme.px(10)
                    anchors.verticalCenter: parent.verticalCenter
                    visible: newChat.width > Theme.px(150)
                    text: qsTr("Ctrl N")
                    font.pixelSize: Theme.captionSize
                    color: Theme.textMuted
                }
            }
            background: Rectangle {
                radius: Theme.radius
                color: Theme.dark ? Theme.raised : Theme.window
                border.width: Theme.hairline
                border.color: Theme.line
                Rectangle {
                    anchors.fill: parent
                    radius: parent.radius
                    color: newChat.hovered || newChat.down ? Theme.hover(newChat.down) : "transparent"
                }
                FocusRing { target: newChat }
            }
        }
        IconButton {
            id: collapseButton
            anchors.right: parent.right
            anchors.verticalCenter: parent.verticalCenter
            iconName: "sidebar"
            text: qsTr("Hide the sidebar (Ctrl+B)")
            onClicked: sidebar.collapse()
        }
    }
    FTextField {
        id: search
        objectName: "searchField"
        anchors.top: top.bottom
        anchors.topMargin: Theme.gap8
        anchors.left: top.left
        anchors.right: top.right
        iconName: "search"
        rightPadding: clearButton.visible ? Theme.px(32) : Theme.gap8
        placeholderText: sidebar.trash ? qsTr("Search the trash")
            : sidebar.archive ? qsTr("Search the archive") : qsTr("Search all conversations")
        text: Conversations.query
        maximumLength: 500
        onTextEdited: Conversations.query = text
        Keys.onEscapePressed: event => {
            event.accepted = Conversations.query !== ""
            Conversations.query = ""
        }
        Keys.onDownPressed: {
            list.byKeyboard = true
            list.currentIndex = Math.max(0, list.currentIndex)
            list.forceActiveFocus()
        }
        Keys.onReturnPressed: {
            if (list.count > 0)
                list.openIndex(0)
        }
        Connections {
            target: Conversations
            function onQueryChanged() {
                if (search.text !== Conversations.query)
                    search.text = Conversations.query
            }
        }
        IconButton {
            id: clearButton
            visible: search.text !== ""
            anchors.right: parent.right
            anchors.rightMargin: Theme.gap4
            anchors.verticalCenter: parent.verticalCenter
            implicitWidth: Theme.px(24)
            implicitHeight: Theme.px(24)
            iconName: "close"
            iconSize: 14
            text: qsTr("Clear the search")
            onClicked: {
                Conversations.query = ""
                search.forceActiveFocus()
            }
        }
    }
    Item { // where we are, if not among the active conversations
        id: scopeBar
        visible: Conversations.scope !== "active"
        anchors.top: search.bottom
        anchors.topMargin: visible ? Theme.gap8 : 0
        anchors.left: top.left
        anchors.right: top.right
        height: visible ? Theme.controlHeight : 0
        IconButton {
            id: backButton
            anchors.verticalCenter: parent.verticalCenter
            iconName: "back"
            text: qsTr("Back to the conversations")
            onClicked: Conversations.scope = "active"
        }
        FText {
            anchors.left: backButton.right
            anchors.leftMargin: Theme.gap4
            anchors.verticalCenter: parent.verticalCenter
            text: sidebar.trash ? qsTr("Trash") : qsTr("Archive")
            font.weight: Theme.strong
        }
        FButton {
            visible: sidebar.trash && list.count > 0
            anchors.right: parent.right
            anchors.verticalCenter: parent.verticalCenter
            property bool sure: false
            implicitHeight: Theme.px(28)
            flat: true
            danger: true
            size: Theme.captionSize
            text: sure ? qsTr("Really empty it?") : qsTr("Empty")
            onClicked: {
                if (sure)
                    Conversations.emptyTrash()
                sure = !sure
            }
            onActiveFocusChanged: if (!activeFocus && !hovered) sure = false
            onHoveredChanged: if (!hovered) sure = false
        }
    }
    ListView {
        id: list
        objectName: "conversationList"

        property bool byKeyboard: false

        function openIndex(index) {
            currentIndex = index
            if (currentItem)
                currentItem.clicked()
        }

        anchors.top: scopeBar.bottom
        anchors.topMargin: Theme.gap8
        anchors.bottom: bottom.top
        anchors.left: parent.left
        anchors.right: parent.right
        anchors.leftMargin: Theme.gap12
        clip: true
        model: Conversations
        currentIndex: -1
        boundsBehavior: Flickable.StopAtBounds
        keyNavigationEnabled: true
        highlightFollowsCurrentItem: true
        highlightMoveDuration: 0
        highlightResizeDuration: 0
        activeFocusOnTab: true
        reuseItems: true
        Accessible.role: Accessible.List
        Accessible.name: qsTr("Conversations")
        section.property: "section"
        section.delegate: FText {
            required property string section
            visible: section !== ""
            height: section === "" ? 0 : Theme.px(34)
            leftPadding: Theme.px(10)
            topPadding: Theme.px(10)
            text: section
            font.pixelSize: Theme.captionSize
            color: Theme.textMuted
        }
        delegate: ConversationRow {
            width: ListView.view.width - Theme.gap12
            onOpened: {
                list.byKeyboard = false
                list.currentIndex = index
                sidebar.chosen()
            }
        }
        onActiveFocusChanged: if (activeFocus && currentIndex < 0 && count > 0) currentIndex = 0
        Keys.onPressed: event => {
            byKeyboard = true
            if (!currentItem)
                return
            switch (event.key) {
            case Qt.Key_Return:
            case Qt.Key_Enter:
            case Qt.Key_Space: currentItem.clicked(); break
            case Qt.Key_F2: currentItem.rename(); break
            case Qt.Key_Delete: if (!currentItem.trashed) currentItem.remove(); break
            case Qt.Key_Menu: currentItem.openMenu(); break
            default: return
            }
            event.accepted = true
        }
        ScrollBar.vertical: FScrollBar {}

        Column {
            visible: list.count === 0
            anchors.left: parent.left
            anchors.right: parent.right
            anchors.rightMargin: Theme.gap12
            anchors.top: parent.top
            anchors.topMargin: Theme.gap24
            spacing: Theme.gap12
            FText {
                width: parent.width
                leftPadding: Theme.px(10)
                rightPadding: Theme.px(10)
                wrapMode: Text.Wrap
                text: Conversations.fatal !== "" ? qsTr("The history is not open.")
                    : !Conversations.ready || Conversations.searchRunning ? ""
                    : Conversations.searching ? qsTr("Nothing found for “%1”.").arg(Conversations.query)
                    : sidebar.trash ? qsTr("The trash is empty.")
                    : sidebar.archive ? qsTr("The archive is empty.")
                    : qsTr("Your conversations will stand here.")
                color: Theme.textMuted
            }
        }
    }
    Item {
        id: bottom
        anchors.bottom: parent.bottom
        x: Theme.gap12
        width: parent.width - 2 * Theme.gap12
        height: Theme.px(48)
        FButton {
            id: settingsButton
            objectName: "settingsButton"
            anchors.verticalCenter: parent.verticalCenter
            flat: true
            iconName: "settings"
            text: qsTr("Settings")
            onClicked: sidebar.show(sidebar.page === "settings" ? "chat" : "settings")
        }
        Row {
            anchors.right: parent.right
            anchors.verticalCenter: parent.verticalCenter
            IconButton {
                iconName: "models"
                text: qsTr("Models")
                checked: sidebar.page === "models"
                onClicked: sidebar.show(checked ? "chat" : "models")
            }
            IconButton {
                iconName: "archive"
                text: qsTr("Archive")
                checked: sidebar.archive
                onClicked: Conversations.scope = sidebar.archive ? "active" : "archived"
            }
            IconButton {
                iconName: "trash"
                text: qsTr("Trash")
                checked: sidebar.trash
                onClicked: Conversations.scope = sidebar.trash ? "active" : "trash"
            }
        }
    }
    Rectangle {
        anchors.right: parent.right
        width: Theme.hairline
        height: parent.height
        color: Theme.line
    }
    MouseArea { // the edge, to drag
        anchors.right: parent.right
        anchors.rightMargin: -width / 2
        width: Theme.gap8
        height: parent.height
        visible: !sidebar.overlay
        cursorShape: Qt.SplitHCursor
        preventStealing: true
        onPositionChanged: mouse => {
            const wanted = mapToItem(sidebar, mouse.x, 0).x / Theme.zoom
            Settings.sidebarWidth = Math.round(Math.max(220, Math.min(420, wanted)))
        }
        onDoubleClicked: Settings.reset("sidebarWidth")
    }
}
