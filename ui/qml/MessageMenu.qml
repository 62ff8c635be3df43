// SPDX-License-Identifier: MIT
// What can be done with a message, and with what is selected.
import QtQuick
import Fathom.Core

FMenu {
    id: menu

    property var messageId: 0
    property string role
    property string status
    property bool last: false
    property bool selection: false
    readonly property bool answer: role === "assistant"
    readonly property bool idle: Chat.state === "idle"

    signal copy(bool markdown)
    signal edit()
    signal showDetails()

    implicitWidth: Theme.px(230)
    FMenuItem {
        text: menu.selection ? qsTr("Copy selection") : qsTr("Copy")
        iconName: "copy"
        onTriggered: menu.copy(false)
    }
    FMenuItem {
        text: menu.selection ? qsTr("Copy selection as Markdown") : qsTr("Copy as Markdown")
        iconName: "copy"
        onTriggered: menu.copy(true)
    }
    FMenuItem {
        text: qsTr("Edit")
        iconName: "pencil"
        enabled: menu.idle && menu.status !== "streaming"
        onTriggered: menu.edit()
    }
    FMenuItem {
        text: menu.answer ? qsTr("Answer again") : qsTr("Answer this again")
        iconName: "regenerate"
        enabled: Chat.canSend
        onTriggered: Chat.regenerate(menu.messageId)
    }
    FMenuItem {
        text: qsTr("Continue the answer")
        iconName: "play"
        enabled: menu.answer && menu.last && Chat.canSend
        onTriggered: Chat.continueAnswer(menu.messageId)
    }
    FMenuItem {
        text: qsTr("Fork from here")
        iconName: "branch"
        enabled: menu.idle
        onTriggered: Chat.fork(menu.messageId)
    }
    FMenuItem {
        text: qsTr("Details")
        iconName: "info"
        enabled: menu.answer && menu.status !== "streaming"
        onTriggered: menu.showDetails()
    }
}
