// SPDX-License-Identifier: MIT
// The window: sidebar at the left, one page beside it, and the keys that work everywhere.
import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Window
import Fathom.Core

ApplicationWindow {
    id: window

    property string page: "chat" // "chat", "settings", "models"
    readonly property bool firstStart: !Settings.firstStartDone && Conversations.fatal === ""
    readonly property bool narrow: width < Theme.px(900)
    property bool overlayOpen: false
    readonly property bool docked: !narrow && Settings.sidebarOpen
    readonly property bool sidebarShown: docked || (narrow && overlayOpen)
    readonly property real sidebarWidth: Theme.px(Math.max(220, Math.min(420, Settings.sidebarWidth)))
    readonly property bool empty: Chat.count === 0 && !Chat.loading

    width: 1180
    height: 800
    minimumWidth: 640
    minimumHeight: 480
    visible: true
    title: Conversations.currentId !== 0 && Conversations.currentTitle !== ""
        ? qsTr("%1 – Fathom").arg(Conversations.currentTitle) : qsTr("Fathom")
    color: Theme.window
    font.family: Theme.uiFont
    font.pixelSize: Theme.interfaceSize
    palette {
        window: Theme.window
        windowText: Theme.text
        base: Theme.window
        text: Theme.text
        button: Theme.raised
        buttonText: Theme.text
        highlight: Theme.accent
        highlightedText: Theme.accentText
        mid: Theme.line
        dark: Theme.textMuted
        light: Theme.surface
    }

    function toggleSidebar() {
        if (narrow)
            overlayOpen = !overlayOpen
        else
            Settings.sidebarOpen = !Settings.sidebarOpen
    }
    function show(name) {
        page = name
        overlayOpen = false
        if (name === "chat")
            composer.focusInput()
    }
    function newChat() {
        Conversations.scope = "active"
        Conversations.newConversation()
        show("chat")
    }
    function newTemporary() {
        Conversations.scope = "active"
        Conversations.newTemporary()
        show("chat")
    }
    function openSwitcher() { quickSwitch.open() }
    function openNext() { Conversations.openNext() }
    function openPrevious() { Conversations.openPrevious() }
    function focusList() {
        if (!sidebarShown)
            toggleSidebar()
        sidebar.focusList()
    }
    // What the keys do to the conversation that is open, or to all that are chosen.
    function withCurrent(act) {
        const ids = Conversations.selectedCount > 1 ? Conversations.selected() : [Conversations.currentId]
        if (ids[0] !== 0 && !(ids.length === 1 && Conversations.currentTemporary))
            act(ids)
    }
    function togglePinned() { withCurrent(ids => Conversations.pin(ids, !Conversations.isPinned(ids[0]))) }
    function moveCurrent() { withCurrent(ids => sidebar.askFolder(ids)) }
    function tagCurrent() { withCurrent(ids => sidebar.askTags(ids)) }
    function archiveCurrent() { withCurrent(ids => Conversations.archive(ids, true)) }
    function trashCurrent() {
        if (Conversations.currentTemporary)
            Conversations.erase([Conversations.currentId])
        else
            withCurrent(ids => Conversations.trash(ids))
    }
    function undo() { Conversations.undo() }
    function exportCurrent() { withCurrent(ids => exportDialog.ask(ids)) }
    function toEnd() { messages.toEnd() }
    function chooseModel() { header.picker.open() }
    function toggle(name) { show(page === name ? "chat" : name) }
    function toggleTheme() { Settings.theme = Theme.dark ? "light" : "dark" }
    function showKeys() { keysList.open() }
    function focusSearch() {
        if (!sidebarShown)
            toggleSidebar()
        sidebar.focusSearch()
    }
    function stepBack() {
        if (overlayOpen)
            overlayOpen = false
        else if (page !== "chat")
            show("chat")
        else if (Chat.state !== "idle")
            Chat.stop()
        else if (Models.state === "loading")
            Models.cancelLoad()
        else
            composer.focusInput()
    }
    function findInConversation(step) {
        if (page !== "chat")
            show("chat")
        if (step === 0)
            messages.find()
        else
            messages.findNext(step)
    }
    function editLastMessage() {
        for (let row = messages.count - 1; row >= 0; --row) {
            if (messages.model.value(row, "kind") === "user") {
                messages.positionViewAtIndex(row, ListView.Contain)
                Chat.beginEdit(messages.model.value(row, "messageId"))
                return
            }
        }
    }
    function setZoom(value) { Settings.zoom = Math.round(Math.max(0.5, Math.min(3, value)) * 10) / 10 }
    function zoomBy(step) { setZoom(Settings.zoom + step) }
    function restoreGeometry() {
        const parts = Settings.windowGeometry.split(",").map(Number)
        if (parts.length !== 4 || parts.some(isNaN))
            return
        width = Math.max(minimumWidth, Math.min(parts[2], Screen.desktopAvailableWidth))
        height = Math.max(minimumHeight, Math.min(parts[3], Screen.desktopAvailableHeight))
        if (parts[0] >= 0 && parts[1] >= 0 && parts[0] + 100 < Screen.desktopAvailableWidth
                && parts[1] + 100 < Screen.desktopAvailableHeight) {
            x = parts[0]
            y = parts[1]
        }
    }
    function saveGeometry() {
        if (visibility === Window.Windowed)
            Settings.windowGeometry = [x, y, width, height].join(",")
    }

    Component.onCompleted: {
        restoreGeometry()
        if (!firstStart)
            composer.focusInput()
    }
    onClosing: saveGeometry()
    onNarrowChanged: overlayOpen = false
    Binding {
        target: Theme
        property: "devicePixelRatio"
        value: window.Screen.devicePixelRatio
    }
    Connections {
        target: Platform
        function onRaiseRequested() {
            window.comeForward()
        }
        function onLinkAsked(address) {
            linkDialog.address = address
            linkDialog.open()
        }
    }
    Connections {
        target: Conversations
        function onCurrentIdChanged() {
            window.page = "chat"
            composer.focusInput()
        }
        function onFatalChanged() { History.readBackups() }
        function onDamagedChanged() { History.readBackups() }
    }
    function comeForward() {
        if (visibility === Window.Minimized || visibility === Window.Hidden)
            showNormal()
        raise()
        requestActivate()
    }

    Actions {
        id: actions
        host: window
    }
    QuickSwitch {
        id: quickSwitch
        onChosen: conversation => {
            Conversations.open(conversation)
            window.show("chat")
        }
    }
    ExportDialog { id: exportDialog }
    FDialog {
        id: linkDialog
        objectName: "linkDialog"
        property string address
        title: qsTr("Open this address?")
        acceptText: qsTr("Open")
        onAccepted: Platform.openAsked(address)
        FText {
            width: parent.width
            wrapMode: Text.WrapAnywhere
            maximumLineCount: 8
            text: linkDialog.address
            font.family: Theme.codeFont
        }
        FButton {
            flat: true
            iconName: "copy"
            text: qsTr("Copy the address")
            onClicked: {
                Platform.copy(linkDialog.address)
                linkDialog.close()
            }
        }
    }
    RestoreDialog { id: restoreDialog }
    KeysList {
        id: keysList
        commands: actions.commands
    }

    FocusScope {
        anchors.fill: parent
        focus: true
        Keys.onEscapePressed: window.stepBack()
        Keys.onPressed: event => {
            if (event.key === Qt.Key_F2 && window.page === "chat") {
                header.rename()
                event.accepted = true
            }
        }

        Item {
            visible: !window.firstStart
            anchors.left: parent.left
            anchors.leftMargin: window.docked ? window.sidebarWidth : 0
            anchors.right: parent.right
            anchors.top: parent.top
            anchors.bottom: parent.bottom

            Item {
                id: chat
                anchors.fill: parent
                visible: window.page === "chat"

                Header {
                    id: header
                    width: parent.width
                    sidebarVisible: window.sidebarShown
                    onToggleSidebar: window.toggleSidebar()
                    onShowModels: window.show("models")
                    onShowSettings: window.show("settings")
                }
                Column {
                    id: banners
                    anchors.top: header.bottom
                    width: parent.width
                    Banner {
                        width: parent.width
                        text: Conversations.fatal === "" ? ""
                            : History.doing !== "" ? History.doing + " …"
                            : History.failed ? History.result : Conversations.fatal
                        dismissable: false
                        action: History.doing === "" ? qsTr("Repair") : ""
                        otherAction: History.doing === "" && History.backups.length > 0
                            ? qsTr("Restore a backup…") : ""
                        onActed: History.repair()
                        onActedOtherwise: restoreDialog.open()
                    }
                    Banner {
                        width: parent.width
                        text: Conversations.upgrade
                        tone: Theme.accent
                        iconName: "info"
                        dismissable: false
                    }
                    Banner {
                        property bool dismissedOnce: false
                        width: parent.width
                        text: dismissedOnce ? "" : Platform.safeMode
                        tone: Theme.warning
                        onDismissed: dismissedOnce = true
                    }
                    Banner { // what was exported, imported, repaired
                        width: parent.width
                        text: Conversations.fatal === "" && window.page === "chat"
                            ? (History.doing !== "" ? History.doing + " …" : History.result) : ""
                        tone: History.failed ? Theme.danger : Theme.accent
                        iconName: History.failed ? "warning" : "info"
                        dismissable: History.doing === ""
                        action: History.doing !== "" ? qsTr("Cancel") : ""
                        onActed: History.cancel()
                        onDismissed: History.dismiss()
                    }
                    Banner {
                        width: parent.width
                        text: Conversations.currentTemporary
                            ? qsTr("Temporary: nothing of this conversation is kept on the disk.") : ""
                        iconName: "hidden"
                        tone: Theme.textMuted
                        dismissable: false
                        action: qsTr("Close and forget")
                        onActed: Conversations.erase([Conversations.currentId])
                    }
                    Banner {
                        width: parent.width
                        text: Conversations.error
                        action: Conversations.damaged && History.doing === "" ? qsTr("Repair") : ""
                        otherAction: action !== "" && History.backups.length > 0
                            ? qsTr("Restore a backup…") : ""
                        onActed: History.repair()
                        onActedOtherwise: restoreDialog.open()
                        onDismissed: Conversations.dismissError()
                    }
                    Banner {
                        property string dismissedError
                        width: parent.width
                        text: Models.state === "failed" && Models.error !== dismissedError && !window.empty
                            ? Models.error : ""
                        action: Models.deviceFailed ? qsTr("Use the CPU") : qsTr("Choose another model")
                        otherAction: Models.deviceFailed ? qsTr("Settings") : ""
                        onActed: {
                            if (Models.deviceFailed)
                                Models.useCpu()
                            else
                                window.show("models")
                        }
                        onActedOtherwise: window.show("settings")
                        onDismissed: dismissedError = Models.error
                    }
                    Banner {
                        width: parent.width
                        text: Models.notice
                        tone: Theme.warning
                        action: qsTr("Settings")
                        onActed: window.show("settings")
                        onDismissed: Models.dismissNotice()
                    }
                }
                ChatView {
                    id: messages
                    anchors.top: banners.bottom
                    anchors.bottom: composer.top
                    anchors.bottomMargin: Theme.gap8
                    width: parent.width
                    visible: !window.empty
                    onChooseModel: window.show("models")
                    onShowSettings: window.show("settings")
                }
                EmptyConversation {
                    visible: window.empty
                    width: composer.width
                    x: composer.x
                    y: composer.y - implicitHeight - Theme.gap24
                    startersTop: composer.y + composer.height + Theme.gap16 - y
                    onChosen: text => {
                        if (Chat.canSend)
                            Chat.send(text)
                    }
                    onShowModels: window.show("models")
                    onShowSettings: window.show("settings")
                }
                Composer {
                    id: composer
                    width: Math.min(Theme.columnWidth + Theme.gap32 + Theme.gap8,
                                    parent.width - 2 * Theme.gap16)
                    x: (parent.width - width) / 2
                    y: window.empty ? Math.round((parent.height - height) * 0.46)
                        : parent.height - height - Theme.gap16
                    maximumHeight: window.height / 3
                    onEditLast: window.editLastMessage()
                    onEndWanted: window.toEnd()
                    onShowSettings: window.show("settings")
                }
            }
            Loader {
                id: settingsLoader
                anchors.fill: parent
                active: window.page === "settings" || item !== null
                visible: window.page === "settings"
                sourceComponent: SettingsPage {
                    visible: settingsLoader.visible
                    sidebarVisible: window.sidebarShown
                    onToggleSidebar: window.toggleSidebar()
                    onClosed: window.show("chat")
                    onShowModels: window.show("models")
                }
            }
            Loader {
                id: modelsLoader
                anchors.fill: parent
                active: window.page === "models" || item !== null
                visible: window.page === "models"
                sourceComponent: ModelsPage {
                    visible: modelsLoader.visible
                    sidebarVisible: window.sidebarShown
                    onToggleSidebar: window.toggleSidebar()
                    onClosed: window.show("chat")
                    onShowSettings: window.show("settings")
                }
            }
            Toast {
                anchors.horizontalCenter: parent.horizontalCenter
                anchors.bottom: parent.bottom
                anchors.bottomMargin: composer.height + Theme.gap32
                z: 5
            }
        }
        Rectangle { // behind the overlay
            anchors.fill: parent
            visible: opacity > 0
            opacity: window.narrow && window.overlayOpen ? 1 : 0
            color: Qt.rgba(0, 0, 0, Theme.dark ? 0.5 : 0.25)
            Behavior on opacity { NumberAnimation { duration: Theme.duration } }
            MouseArea {
                anchors.fill: parent
                onClicked: window.overlayOpen = false
                onWheel: wheel => wheel.accepted = true
            }
        }
        Sidebar {
            id: sidebar
            width: window.narrow ? Math.min(window.sidebarWidth, parent.width - Theme.px(80))
                : window.sidebarWidth
            height: parent.height
            x: window.sidebarShown ? 0 : -width
            visible: x > -width && !window.firstStart
            overlay: window.narrow
            page: window.page
            onCollapse: window.toggleSidebar()
            onShow: page => window.show(page)
            onChosen: window.show("chat")
            onExportWanted: ids => exportDialog.ask(ids)
            Behavior on x {
                enabled: window.narrow
                NumberAnimation { duration: Theme.duration; easing.type: Theme.easing }
            }
        }
        Item { // above all that scrolls
            anchors.fill: parent
            z: 100
            WheelHandler {
                property int turned: 0 // eighths of a degree; a notch of a wheel is 120
                acceptedModifiers: Qt.ControlModifier
                onWheel: event => {
                    turned += event.angleDelta.y
                    if (Math.abs(turned) < 120)
                        return
                    window.zoomBy(turned > 0 ? 0.1 : -0.1)
                    turned = 0
                }
            }
        }
        Loader {
            anchors.fill: parent
            active: window.firstStart
            sourceComponent: FirstStart {
                onStartTalking: {
                    Settings.firstStartDone = true
                    composer.focusInput()
                }
                onHaveModels: {
                    Settings.firstStartDone = true
                    window.show("models")
                    modelsLoader.item.addFolder()
                }
            }
        }
    }
}
