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

    property Item menuRow: null // whose menu is open
    // What is being dragged, and where it would go: a folder, "" for none, undefined for nowhere.
    property var dragged: []
    property string draggedName
    property point dragAt
    property var dropFolder

    signal collapse()
    signal show(string page)
    signal chosen() // something was opened
    signal exportWanted(var ids)

    function focusSearch() {
        search.forceActiveFocus()
        search.selectAll()
    }
    function focusList() {
        list.byKeyboard = true
        list.forceActiveFocus(Qt.ShortcutFocusReason)
    }
    function askFolder(ids) { moveDialog.ask(ids) }
    function askTags(ids) { tagsDialog.ask(ids) }
    function askErase(ids) { eraseDialog.ask(ids) }
    function askFolderName(folder) { nameDialog.ask(folder, folder) }

    function openMenu(row) {
        menuRow = row
        menu.show(Conversations.targets(row.model.conversationId), row)
    }
    function openFolderMenu(folder, row) {
        menuRow = row
        folderMenu.folder = folder
        folderMenu.popup(row, Theme.gap12, row.height)
    }
    function toFolderHead(folder) {
        for (let i = list.currentIndex; i >= 0; --i) {
            const entry = list.itemAtIndex(i)
            if (entry && entry.item && entry.item.isFolder && entry.model.folder === folder) {
                list.currentIndex = i
                return
            }
        }
    }

    function beginDrag(ids, name) {
        if (ids.length === 0 || Conversations.scope !== "active" || Conversations.searching)
            return false
        dragged = ids
        draggedName = ids.length === 1 ? name : qsTr("%1 conversations").arg(ids.length)
        return true
    }
    function dragTo(x, y) {
        dragAt = Qt.point(x, y)
        const there = list.mapFromItem(sidebar, x, y)
        if (there.x < 0 || there.x > list.width || there.y < 0 || there.y > list.height) {
            dropFolder = undefined
            return
        }
        const entry = list.itemAt(list.contentX + there.x, list.contentY + there.y)
        const folder = entry && entry.model ? entry.model.folder : ""
        const moves = dragged.some(id => Conversations.folderOf(id) !== folder)
        dropFolder = moves ? folder : undefined
    }
    function endDrag(drop) {
        const ids = dragged
        const folder = dropFolder
        dragged = []
        dropFolder = undefined
        if (drop && folder !== undefined)
            Conversations.moveToFolder(ids, folder)
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
            anchors.right: temporaryButton.left
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
            Keys.onReturnPressed: clicked()
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
            id: temporaryButton
            objectName: "temporaryButton"
            anchors.right: collapseButton.left
            anchors.verticalCenter: parent.verticalCenter
            iconName: "hidden"
            text: qsTr("New temporary conversation, which is not kept (Ctrl+Shift+N)")
            onClicked: {
                Conversations.scope = "active"
                Conversations.newTemporary()
                sidebar.chosen()
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
        Keys.onUpPressed: hints.move(-1)
        Keys.onDownPressed: {
            if (hints.move(1))
                return
            list.byKeyboard = true
            list.currentIndex = Math.max(0, list.currentIndex)
            list.forceActiveFocus()
        }
        Keys.onReturnPressed: {
            if (hints.current >= 0)
                hints.take(hints.current)
            else if (list.count > 0)
                list.openIndex(0)
        }
        Keys.onTabPressed: event => {
            event.accepted = hints.completing
            if (event.accepted)
                hints.take(Math.max(0, hints.current))
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
    SearchHints {
        id: hints
        anchors.top: search.bottom
        anchors.left: top.left
        anchors.right: top.right
        query: search.text
        active: search.activeFocus
        onTaken: text => {
            Conversations.query = text
            search.forceActiveFocus()
            search.cursorPosition = search.length
        }
    }
    Item { // where we are, if not among the active conversations
        id: scopeBar
        visible: Conversations.scope !== "active"
        anchors.top: hints.bottom
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
            implicitHeight: Theme.px(28)
            flat: true
            danger: true
            size: Theme.captionSize
            text: qsTr("Empty the trash…")
            onClicked: emptyDialog.open()
        }
    }
    ListView {
        id: list
        objectName: "conversationList"

        property bool byKeyboard: false

        readonly property Item row: currentItem ? currentItem.item : null

        function openIndex(index) {
            currentIndex = index
            if (row)
                row.clicked()
        }
        // The step of an arrow with Shift chooses what lies between.
        function extend(step) {
            const to = Math.max(0, Math.min(count - 1, currentIndex + step))
            if (Conversations.selectedCount === 0)
                Conversations.selectTo(currentIndex)
            currentIndex = to
            Conversations.selectTo(to)
        }

        anchors.top: scopeBar.bottom
        anchors.topMargin: Theme.gap8
        anchors.bottom: selectionBar.top
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
        delegate: SidebarEntry { host: sidebar }
        onActiveFocusChanged: if (activeFocus && currentIndex < 0 && count > 0) currentIndex = 0
        Keys.onPressed: event => {
            byKeyboard = true
            const shift = (event.modifiers & Qt.ShiftModifier) !== 0
            const control = (event.modifiers & Qt.ControlModifier) !== 0
            if (event.key === Qt.Key_Escape && Conversations.selectedCount > 0) {
                Conversations.clearSelection()
                event.accepted = true
                return
            }
            if (!row)
                return
            switch (event.key) {
            case Qt.Key_Return:
            case Qt.Key_Enter: row.clicked(); break
            case Qt.Key_Space:
                if (control && !row.isFolder)
                    Conversations.toggleSelected(currentIndex)
                else
                    row.clicked()
                break
            case Qt.Key_Up: if (!shift) return; extend(-1); break
            case Qt.Key_Down: if (!shift) return; extend(1); break
            case Qt.Key_Left: row.fold(false); break
            case Qt.Key_Right: row.fold(true); break
            case Qt.Key_A: if (!control) return; Conversations.selectAll(); break
            case Qt.Key_F2: row.rename(); break
            case Qt.Key_Delete:
                if (row.isFolder)
                    return
                if (row.trashed)
                    sidebar.askErase(Conversations.targets(row.model.conversationId))
                else
                    row.remove()
                break
            case Qt.Key_Menu: row.openMenu(); break
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
                    : Conversations.searching && hints.completing ? "" // the search is not yet written
                    : Conversations.searching ? qsTr("Nothing found for “%1”.").arg(Conversations.query)
                    : sidebar.trash ? (Settings.trashDays > 0
                        ? qsTr("The trash is empty. What comes here is deleted after %1 days.")
                            .arg(Settings.trashDays)
                        : qsTr("The trash is empty."))
                    : sidebar.archive ? qsTr("The archive is empty.")
                    : qsTr("Your conversations will stand here.")
                color: Theme.textMuted
            }
        }
    }
    Rectangle { // what to do with those that are chosen
        id: selectionBar
        objectName: "selectionBar"
        visible: Conversations.selectedCount > 1
        anchors.bottom: bottom.top
        x: Theme.gap8
        width: parent.width - 2 * Theme.gap8
        height: visible ? Theme.px(40) : 0
        radius: Theme.radius
        color: Theme.selection
        Accessible.role: Accessible.ToolBar
        Accessible.name: label.text
        FText {
            id: label
            anchors.left: parent.left
            anchors.leftMargin: Theme.gap12
            anchors.right: tools.left
            anchors.verticalCenter: parent.verticalCenter
            text: qsTr("%L1 chosen").arg(Conversations.selectedCount)
            font.weight: Theme.strong
        }
        Row {
            id: tools
            anchors.right: parent.right
            anchors.rightMargin: Theme.gap4
            anchors.verticalCenter: parent.verticalCenter
            IconButton {
                visible: !sidebar.trash
                iconName: "folder"
                text: qsTr("Move to a folder…")
                onClicked: sidebar.askFolder(Conversations.selected())
            }
            IconButton {
                visible: !sidebar.trash
                iconName: "tag"
                text: qsTr("Tags…")
                onClicked: sidebar.askTags(Conversations.selected())
            }
            IconButton {
                visible: !sidebar.trash
                iconName: "archive"
                text: sidebar.archive ? qsTr("Back from the archive") : qsTr("Archive")
                onClicked: Conversations.archive(Conversations.selected(), !sidebar.archive)
            }
            IconButton {
                visible: sidebar.trash
                iconName: "undo"
                text: qsTr("Put back")
                onClicked: Conversations.putBack(Conversations.selected())
            }
            IconButton {
                iconName: "trash"
                text: sidebar.trash ? qsTr("Delete for ever…") : qsTr("Delete")
                onClicked: {
                    if (sidebar.trash)
                        sidebar.askErase(Conversations.selected())
                    else
                        Conversations.trash(Conversations.selected())
                }
            }
            IconButton {
                iconName: "close"
                iconSize: 15
                text: qsTr("Choose none")
                onClicked: Conversations.clearSelection()
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
                onClicked: sidebar.show(sidebar.page === "models" ? "chat" : "models")
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
    Rectangle { // goes with the pointer
        visible: sidebar.dragged.length > 0
        x: Math.min(sidebar.dragAt.x + Theme.gap12, sidebar.width - width - Theme.gap4)
        y: sidebar.dragAt.y + Theme.gap12
        z: 3
        width: Math.min(dragLabel.implicitWidth + dropLabel.implicitWidth + Theme.gap24,
                        sidebar.width - Theme.gap16)
        height: Theme.px(32)
        radius: Theme.radius
        color: Theme.text
        FText {
            id: dragLabel
            x: Theme.gap12
            width: parent.width - Theme.gap24 - dropLabel.width
            height: parent.height
            text: sidebar.draggedName
            color: Theme.window
        }
        FText { // where to, which matters more than what
            id: dropLabel
            anchors.left: dragLabel.right
            width: Math.min(implicitWidth, parent.width * 0.7)
            height: parent.height
            elide: Text.ElideLeft
            text: sidebar.dropFolder === undefined ? ""
                : sidebar.dropFolder === "" ? qsTr(" → no folder") : " → " + sidebar.dropFolder
            color: Theme.window
        }
    }
    Timer { // what is dragged to an edge of the list scrolls it
        readonly property real y: list.mapFromItem(sidebar, 0, sidebar.dragAt.y).y
        readonly property int step: y < Theme.px(28) ? -1 : y > list.height - Theme.px(28) ? 1 : 0
        interval: 16
        repeat: true
        running: sidebar.dragged.length > 0 && step !== 0
        onTriggered: {
            const most = Math.max(0, list.contentHeight - list.height) + list.originY
            list.contentY = Math.max(list.originY, Math.min(most, list.contentY + step * Theme.px(6)))
            sidebar.dragTo(sidebar.dragAt.x, sidebar.dragAt.y)
        }
    }
    Shortcut {
        sequence: "Escape"
        enabled: sidebar.dragged.length > 0
        onActivated: sidebar.endDrag(false)
    }

    ConversationMenu {
        id: menu
        onClosed: sidebar.menuRow = null
        onRenameWanted: row => row.rename()
        onMoveWanted: ids => sidebar.askFolder(ids)
        onTagsWanted: ids => sidebar.askTags(ids)
        onEraseWanted: ids => sidebar.askErase(ids)
        onExportWanted: ids => sidebar.exportWanted(ids)
    }
    FMenu {
        id: folderMenu
        property string folder
        onClosed: sidebar.menuRow = null
        FMenuItem {
            iconName: "pencil"
            text: qsTr("Rename or move…")
            onTriggered: nameDialog.ask(folderMenu.folder, folderMenu.folder)
        }
        FMenuItem {
            iconName: "plus"
            text: qsTr("New folder inside…")
            onTriggered: nameDialog.ask("", folderMenu.folder + "/")
        }
        FMenuItem {
            iconName: "close"
            text: qsTr("Remove the folder")
            onTriggered: Conversations.removeFolder(folderMenu.folder)
        }
    }
    MoveDialog { id: moveDialog }
    TagsDialog { id: tagsDialog }
    NameDialog { id: nameDialog }
    FDialog {
        id: eraseDialog
        objectName: "eraseDialog"
        property var ids: []
        function ask(conversations) {
            ids = conversations
            open()
        }
        title: ids.length === 1 ? qsTr("Delete this conversation for ever?")
                                : qsTr("Delete %1 conversations for ever?").arg(ids.length)
        sentence: qsTr("This cannot be undone.")
        acceptText: qsTr("Delete for ever")
        danger: true
        onAccepted: Conversations.erase(ids)
    }
    FDialog {
        id: emptyDialog
        objectName: "emptyDialog"
        title: qsTr("Empty the trash?")
        sentence: qsTr("All that lies in it is deleted for ever. This cannot be undone.")
        acceptText: qsTr("Delete for ever")
        danger: true
        onAccepted: Conversations.emptyTrash()
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
