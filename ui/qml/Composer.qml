// SPDX-License-Identifier: MIT
// Where the person writes. One line that grows to a third of the window. Enter sends, Shift+Enter breaks the
// line; while an input method composes, Enter belongs to it. While the model answers, the button stops it and
// Enter lets the message wait, in the list above.
import QtQuick
import QtQuick.Controls.Basic
import Fathom
import Fathom.Core

Item {
    id: composer

    property real maximumHeight: Theme.px(240)
    readonly property bool busy: Chat.state !== "idle"
    readonly property alias input: input
    readonly property bool written: input.text.trim() !== ""
    readonly property string hint: busy && written ? qsTr("Enter to queue, Esc to stop")
        : busy ? qsTr("Esc to stop")
        : Conversations.fatal !== "" ? qsTr("The history is not open")
        : Models.state === "none" ? qsTr("Choose a model first")
        : Models.state === "failed" ? qsTr("The model did not load")
        : Models.state === "asleep" ? qsTr("The model will load first")
        : Models.state === "loading" ? qsTr("The model is loading")
        : Chat.modelBusyElsewhere ? qsTr("The model answers in another conversation") : ""
    readonly property real contextPart: Chat.contextLimit > 0 ? Chat.contextUsed / Chat.contextLimit : 0
    readonly property bool contextFills: Chat.contextUsed > 0 && contextPart >= 0.85
    readonly property bool otherModel: ChatSettings.modelIdentity !== "" && !busy
        && Models.currentIdentity !== ChatSettings.modelIdentity && Models.state !== "loading"

    signal editLast()
    signal endWanted() // of the conversation
    signal showSettings()

    function send() {
        if (input.inputMethodComposing || !written)
            return
        if (busy ? Queue.add(input.text) : Chat.canSend && Chat.send(input.text))
            input.clear()
    }
    function focusInput() { input.forceActiveFocus() }
    function write(text, cursor) {
        guard.expect(text)
        input.text = text
        input.cursorPosition = Math.min(cursor, input.length)
    }

    implicitHeight: above.height + frame.height

    WritingGuard {
        id: guard
        field: input
    }
    Column {
        id: above
        width: parent.width
        spacing: Theme.gap4
        bottomPadding: height > 0 ? Theme.gap8 : 0
        ComposerNotice {
            objectName: "otherModelNotice"
            width: parent.width
            text: composer.otherModel
                ? Models.currentIdentity !== ""
                    ? qsTr("%1 wrote here last; %2 will answer now.").arg(ChatSettings.modelName)
                      .arg(Models.currentName)
                    : qsTr("%1 wrote here last.").arg(ChatSettings.modelName) : ""
            readonly property string path: {
                Models.count // the list may have become another
                return composer.otherModel ? Models.pathOf(ChatSettings.modelIdentity) : ""
            }
            action: path !== "" ? qsTr("Load %1").arg(ChatSettings.modelName) : ""
            onActed: Models.load(path)
        }
        ComposerNotice {
            objectName: "refusalNotice"
            width: parent.width
            iconName: "warning"
            tone: Theme.warning
            text: guard.refusal
        }
        ComposerNotice {
            objectName: "contextNotice"
            width: parent.width
            iconName: "warning"
            tone: Theme.warning
            text: !composer.contextFills ? ""
                : qsTr("The context is %1 % full.").arg(Math.round(100 * Math.min(1, composer.contextPart)))
                  + " " + (Settings.contextPolicy === "oldest"
                      ? qsTr("When it is full, the oldest turns are left out.")
                      : Settings.contextPolicy === "middle"
                      ? qsTr("When it is full, turns after the first are left out.")
                      : qsTr("When it is full, answers end."))
            action: text !== "" ? qsTr("Change…") : ""
            onActed: composer.showSettings()
        }
        ListView {
            id: queue
            objectName: "queue"
            width: parent.width
            visible: count > 0
            height: visible ? Math.min(contentHeight, Theme.px(112)) : 0
            spacing: Theme.gap4
            clip: true
            boundsBehavior: Flickable.StopAtBounds
            interactive: contentHeight > height
            model: Queue
            Accessible.role: Accessible.List
            Accessible.name: qsTr("Waiting messages")
            delegate: QueuedMessage {
                width: ListView.view.width
                onFinished: composer.focusInput()
            }
            ScrollBar.vertical: FScrollBar {}
        }
    }
    Rectangle {
        id: frame
        objectName: "composerFrame"
        anchors.top: above.bottom
        width: parent.width
        height: Math.max(Theme.px(52), area.height + Theme.px(32))
        radius: Theme.cardRadius + 2
        color: Theme.floating
        border.width: Theme.hairline
        border.color: input.activeFocus ? Theme.mix(Theme.line, Theme.textMuted, 0.5) : Theme.line

        Flickable {
            id: area
            anchors.left: parent.left
            anchors.leftMargin: Theme.gap16
            anchors.right: side.left
            anchors.rightMargin: Theme.gap12
            anchors.bottom: parent.bottom
            anchors.bottomMargin: Theme.gap16
            height: Math.min(input.implicitHeight, composer.maximumHeight - Theme.px(32))
            contentHeight: input.implicitHeight
            clip: true
            boundsBehavior: Flickable.StopAtBounds
            TextArea.flickable: TextArea {
                id: input
                objectName: "composer"
                padding: 0
                wrapMode: guard.unbroken ? TextEdit.WrapAnywhere : TextEdit.Wrap
                textFormat: TextEdit.PlainText
                font.family: Theme.uiFont
                font.pixelSize: Theme.readingSize
                color: Theme.text
                selectionColor: Theme.mix(Theme.window, Theme.accent, 0.3)
                selectedTextColor: Theme.text
                placeholderText: qsTr("Ask anything")
                placeholderTextColor: Theme.textMuted
                selectByMouse: true
                background: null
                Accessible.role: Accessible.EditableText
                Accessible.name: qsTr("Message")
                Accessible.description: qsTr("Enter sends, Shift and Enter break the line")
                onTextChanged: {
                    if (Chat.draft !== text)
                        Chat.draft = text
                    Chat.draftCursor = cursorPosition
                }
                onCursorPositionChanged: Chat.draftCursor = cursorPosition
                Keys.onPressed: event => {
                    if (event.key === Qt.Key_Return || event.key === Qt.Key_Enter) {
                        if (event.modifiers & Qt.ShiftModifier)
                            return
                        event.accepted = true
                        composer.send()
                    } else if (event.key === Qt.Key_Tab || event.key === Qt.Key_Backtab) {
                        event.accepted = true
                        nextItemInFocusChain(event.key === Qt.Key_Tab).forceActiveFocus(Qt.TabFocusReason)
                    } else if (event.key === Qt.Key_End && event.modifiers === Qt.ControlModifier
                               && cursorPosition === length) {
                        event.accepted = true // of the text it is there already
                        composer.endWanted()
                    } else if (event.key === Qt.Key_Up && length === 0 && !inputMethodComposing) {
                        event.accepted = true
                        composer.editLast()
                    }
                }
            }
            ScrollBar.vertical: FScrollBar {}
        }
        Row {
            id: side
            anchors.right: parent.right
            anchors.bottom: parent.bottom
            anchors.margins: Theme.px(9)
            spacing: Theme.gap8
            FText {
                anchors.verticalCenter: parent.verticalCenter
                visible: text !== "" && composer.width > Theme.px(420)
                text: composer.hint
                font.pixelSize: Theme.captionSize
                color: Theme.textMuted
            }
            IconButton {
                objectName: "queueButton"
                visible: composer.busy && composer.written
                implicitWidth: Theme.px(34)
                implicitHeight: Theme.px(34)
                iconName: "plus"
                text: qsTr("Send when the answer has ended")
                onClicked: composer.send()
            }
            AbstractButton {
                id: sendButton
                objectName: "sendButton"
                readonly property bool ready: composer.busy || (Chat.canSend && composer.written)
                implicitWidth: Theme.px(34)
                implicitHeight: Theme.px(34)
                enabled: ready
                focusPolicy: Qt.TabFocus
                hoverEnabled: true
                text: composer.busy ? qsTr("Stop") : qsTr("Send")
                Accessible.role: Accessible.Button
                Accessible.name: text
                onClicked: composer.busy ? Chat.stop() : composer.send()
                Keys.onReturnPressed: clicked()
                contentItem: Item {
                    Icon {
                        anchors.centerIn: parent
                        width: Theme.px(18)
                        height: width
                        name: composer.busy ? "stop" : "send"
                        color: sendButton.ready ? Theme.accentText : Theme.textMuted
                    }
                }
                background: Rectangle {
                    radius: Theme.radius + 2
                    color: sendButton.ready ? Theme.accent : Theme.raised
                    Rectangle {
                        anchors.fill: parent
                        radius: parent.radius
                        color: sendButton.hovered || sendButton.down ? Theme.hover(sendButton.down)
                            : "transparent"
                    }
                    FocusRing { target: sendButton }
                }
                FToolTip {
                    text: sendButton.text
                    visible: sendButton.hovered && !sendButton.down
                }
            }
        }
    }
    Connections {
        target: Chat
        function onDraftChanged() {
            if (input.text !== Chat.draft)
                composer.write(Chat.draft, Chat.draftCursor)
        }
    }
    Connections {
        target: Queue
        function onNotAdded(text) {
            if (input.text === "")
                composer.write(text, text.length)
        }
    }
    Component.onCompleted: write(Chat.draft, Chat.draftCursor)
}
