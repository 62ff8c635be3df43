// SPDX-License-Identifier: MIT
// Everything that the keyboard can do, in one table: its shortcuts are made from it, and the list on Ctrl+/
// shows it. What has no `run` is done by the item that has the focus.
import QtQuick

Item {
    id: actions

    required property var host // the window
    readonly property var commands: { // the same as an array
        const list = []
        for (let i = 0; i < all.length; ++i)
            list.push(all[i])
        return list
    }
    readonly property list<QtObject> all: [
        Command { group: qsTr("Conversations"); text: qsTr("New chat"); keys: ["Ctrl+N"]
            run: () => actions.host.newChat() },
        Command { group: qsTr("Conversations"); text: qsTr("New temporary conversation")
            keys: ["Ctrl+Shift+N"]; run: () => actions.host.newTemporary() },
        Command { group: qsTr("Conversations"); text: qsTr("Go to a conversation"); keys: ["Ctrl+K"]
            run: () => actions.host.openSwitcher() },
        Command { group: qsTr("Conversations"); text: qsTr("Search all conversations")
            keys: ["Ctrl+Shift+F"]; run: () => actions.host.focusSearch() },
        Command { group: qsTr("Conversations"); text: qsTr("Next conversation")
            keys: ["Ctrl+Tab", "Ctrl+PgDown"]; run: () => actions.host.openNext() },
        Command { group: qsTr("Conversations"); text: qsTr("Previous conversation")
            keys: ["Ctrl+Shift+Tab", "Ctrl+PgUp"]; run: () => actions.host.openPrevious() },
        Command { group: qsTr("Conversations"); text: qsTr("Rename this conversation"); keys: ["F2"] },
        Command { group: qsTr("Conversations"); text: qsTr("Pin or unpin this conversation")
            keys: ["Ctrl+Shift+P"]; run: () => actions.host.togglePinned() },
        Command { group: qsTr("Conversations"); text: qsTr("Move this conversation to a folder")
            keys: ["Ctrl+Shift+M"]; run: () => actions.host.moveCurrent() },
        Command { group: qsTr("Conversations"); text: qsTr("Tags of this conversation")
            keys: ["Ctrl+Shift+T"]; run: () => actions.host.tagCurrent() },
        Command { group: qsTr("Conversations"); text: qsTr("Export this conversation")
            keys: ["Ctrl+Shift+E"]; run: () => actions.host.exportCurrent() },
        Command { group: qsTr("Conversations"); text: qsTr("Archive this conversation")
            keys: ["Ctrl+Shift+A"]; run: () => actions.host.archiveCurrent() },
        Command { group: qsTr("Conversations"); text: qsTr("Move this conversation to the trash")
            keys: ["Ctrl+Shift+Del"]; run: () => actions.host.trashCurrent() },
        Command { group: qsTr("Conversations"); text: qsTr("Undo the last deletion or move")
            keys: ["Ctrl+Alt+Z"]; run: () => actions.host.undo() },

        Command { group: qsTr("Messages"); text: qsTr("Send"); keys: ["Return"] },
        Command { group: qsTr("Messages"); text: qsTr("Break the line"); keys: ["Shift+Return"] },
        Command { group: qsTr("Messages"); text: qsTr("Stop the answer, or go back"); keys: ["Esc"] },
        Command { group: qsTr("Messages"); text: qsTr("Edit the last message (in an empty field)")
            keys: ["Up"] },
        Command { group: qsTr("Messages"); text: qsTr("To the end of the conversation"); keys: ["Ctrl+End"]
            run: () => actions.host.toEnd() },
        Command { group: qsTr("Messages"); text: qsTr("Find in this conversation"); keys: ["Ctrl+F"]
            run: () => actions.host.findInConversation(0) },
        Command { group: qsTr("Messages"); text: qsTr("Next match"); keys: ["F3"]
            run: () => actions.host.findInConversation(1) },
        Command { group: qsTr("Messages"); text: qsTr("Previous match"); keys: ["Shift+F3"]
            run: () => actions.host.findInConversation(-1) },
        Command { group: qsTr("Messages"); text: qsTr("Copy the selection as Markdown")
            keys: ["Ctrl+Shift+C"] },
        Command { group: qsTr("Messages"); text: qsTr("Menu of a message"); keys: ["Shift+F10"] },
        Command { group: qsTr("Messages"); text: qsTr("Write"); keys: ["Ctrl+L"]
            run: () => actions.host.show("chat") },

        Command { group: qsTr("In the list of conversations"); text: qsTr("To the list"); keys: ["Ctrl+G"]
            run: () => actions.host.focusList() },
        Command { group: qsTr("In the list of conversations"); text: qsTr("Choose several")
            keys: ["Shift+Up", "Shift+Down"] },
        Command { group: qsTr("In the list of conversations"); text: qsTr("Choose one more")
            keys: ["Ctrl+Space"] },
        Command { group: qsTr("In the list of conversations"); text: qsTr("Choose all"); keys: ["Ctrl+A"] },
        Command { group: qsTr("In the list of conversations"); text: qsTr("Fold or unfold a folder")
            keys: ["Left", "Right"] },
        Command { group: qsTr("In the list of conversations"); text: qsTr("Delete"); keys: ["Del"] },
        Command { group: qsTr("In the list of conversations"); text: qsTr("Menu"); keys: ["Menu"] },

        Command { group: qsTr("Window"); text: qsTr("Choose a model"); keys: ["Ctrl+M"]
            run: () => actions.host.chooseModel() },
        Command { group: qsTr("Window"); text: qsTr("Settings"); keys: ["Ctrl+,"]
            run: () => actions.host.toggle("settings") },
        Command { group: qsTr("Window"); text: qsTr("Models"); keys: ["Ctrl+Shift+L"]
            run: () => actions.host.toggle("models") },
        Command { group: qsTr("Window"); text: qsTr("Show or hide the sidebar"); keys: ["Ctrl+B"]
            run: () => actions.host.toggleSidebar() },
        Command { group: qsTr("Window"); text: qsTr("Light or dark"); keys: ["Ctrl+Shift+D"]
            run: () => actions.host.toggleTheme() },
        Command { group: qsTr("Window"); text: qsTr("Larger"); keys: ["Ctrl++", "Ctrl+="]
            run: () => actions.host.zoomBy(0.1) },
        Command { group: qsTr("Window"); text: qsTr("Smaller"); keys: ["Ctrl+-"]
            run: () => actions.host.zoomBy(-0.1) },
        Command { group: qsTr("Window"); text: qsTr("Usual size"); keys: ["Ctrl+0"]
            run: () => actions.host.setZoom(1) },
        Command { group: qsTr("Window"); text: qsTr("This list"); keys: ["Ctrl+/", "F1"]
            run: () => actions.host.showKeys() },
        Command { group: qsTr("Window"); text: qsTr("Quit"); keys: ["Ctrl+Q"]
            run: () => actions.host.close() }
    ]

    component Command: QtObject {
        property string group
        property string text
        property var keys: []
        property var run
    }

    Instantiator {
        model: actions.commands.filter(command => typeof command.run === "function")
        delegate: Shortcut {
            required property var modelData
            sequences: modelData.keys
            onActivated: modelData.run()
            onActivatedAmbiguously: modelData.run()
        }
    }
}
