// SPDX-License-Identifier: MIT
// Before the first word: which model listens, in one line what it is, and four ways to begin that suit it.
import QtQuick
import QtQuick.Controls.Basic
import Fathom.Core

Item {
    id: empty

    readonly property bool ready: Models.state === "ready" || Models.state === "asleep"
    readonly property var starters: Models.currentIsStarter ? [
        qsTr("Tell me a short story about a fox."),
        qsTr("What do bees do all day?"),
        qsTr("Why is the sky blue?"),
        qsTr("Tell me a joke.")
    ] : [
        qsTr("Explain latent attention as you would to a programmer."),
        qsTr("Write a Python function that merges two sorted lists, with a test."),
        qsTr("Help me plan three days in Chengdu."),
        qsTr("Translate into Chinese: The early bird catches the worm.")
    ]

    signal chosen(string text)
    signal showModels()
    signal showSettings()

    implicitHeight: head.height

    Column {
        id: head
        width: parent.width
        spacing: Theme.gap8
        FText {
            width: parent.width
            horizontalAlignment: Text.AlignHCenter
            text: empty.ready || Models.state === "loading" ? Models.currentName
                : Models.state === "failed" ? qsTr("The model did not load") : qsTr("No model yet")
            font.pixelSize: Theme.pageTitleSize
            font.weight: Theme.strong
            Accessible.role: Accessible.Heading
            Accessible.name: text
        }
        FText {
            width: parent.width
            horizontalAlignment: Text.AlignHCenter
            wrapMode: Text.Wrap
            maximumLineCount: 3
            text: Models.state === "loading" ? qsTr("Loading… %1").arg(Models.progressText)
                : Models.state === "failed" ? Models.error
                : empty.ready ? Models.currentDescription
                : qsTr("Choose a model to begin. It runs on this machine alone.")
            color: Models.state === "failed" ? Theme.danger : Theme.textMuted
        }
        Row {
            visible: Models.state === "none" || Models.state === "failed"
            anchors.horizontalCenter: parent.horizontalCenter
            topPadding: Theme.gap8
            spacing: Theme.gap8
            FButton {
                visible: Models.state === "failed"
                text: qsTr("Try again")
                onClicked: Models.retry()
            }
            FButton {
                visible: Models.deviceFailed
                primary: true
                text: qsTr("Use the CPU")
                onClicked: Models.useCpu()
            }
            FButton {
                visible: Models.deviceFailed
                text: qsTr("Settings")
                onClicked: empty.showSettings()
            }
            FButton {
                primary: !Models.deviceFailed
                text: qsTr("Choose a model")
                onClicked: empty.showModels()
            }
        }
    }
    Grid {
        id: grid
        visible: empty.ready && Conversations.fatal === ""
        y: empty.parent ? empty.startersTop : 0
        width: parent.width
        columns: width < Theme.px(520) ? 1 : 2
        spacing: Theme.gap8
        Repeater {
            model: empty.starters
            AbstractButton {
                id: starter
                required property string modelData
                width: (grid.width - (grid.columns - 1) * grid.spacing) / grid.columns
                implicitHeight: Math.max(Theme.px(44), label.implicitHeight + Theme.gap24)
                focusPolicy: Qt.TabFocus
                hoverEnabled: true
                text: modelData
                Accessible.role: Accessible.Button
                Accessible.name: text
                onClicked: empty.chosen(text)
                Keys.onReturnPressed: clicked()
                contentItem: Item {
                    FText {
                        id: label
                        x: Theme.gap12 + 2
                        width: parent.width - 2 * x
                        anchors.verticalCenter: parent.verticalCenter
                        wrapMode: Text.Wrap
                        maximumLineCount: 2
                        text: starter.text
                        color: starter.hovered ? Theme.text : Theme.textMuted
                    }
                }
                background: Rectangle {
                    radius: Theme.cardRadius
                    color: starter.hovered || starter.down ? Theme.hover(starter.down) : "transparent"
                    border.width: Theme.hairline
                    border.color: Theme.line
                    FocusRing {
                        target: starter
                        radius: Theme.cardRadius + 2
                    }
                }
            }
        }
    }
    property real startersTop: head.height + Theme.px(140)
}
