// SPDX-License-Identifier: MIT
// The first screen: what this is, that nothing leaves the machine, and two ways to begin.
import QtQuick
import Fathom
import Fathom.Core

Rectangle {
    id: first

    signal startTalking()
    signal haveModels()

    color: Theme.window
    Accessible.role: Accessible.Pane
    Accessible.name: qsTr("Welcome")

    Column {
        anchors.centerIn: parent
        width: Math.min(Theme.px(460), parent.width - 2 * Theme.gap32)
        spacing: Theme.gap12
        FText {
            width: parent.width
            text: qsTr("Fathom")
            font.pixelSize: Theme.pageTitleSize
            font.weight: Theme.strong
            Accessible.role: Accessible.Heading
            Accessible.name: text
        }
        FText {
            width: parent.width
            wrapMode: Text.Wrap
            lineHeight: Math.round(Theme.readingSize * Theme.readingLine)
            lineHeightMode: Text.FixedHeight
            Accessible.role: Accessible.StaticText
            Accessible.name: text
            text: qsTr("A window for talking with DeepSeek-V2 models that run on your own machine.")
            font.pixelSize: Theme.readingSize
        }
        Row {
            width: parent.width
            spacing: Theme.gap8
            Icon {
                width: Theme.px(18)
                height: width
                y: Theme.px(3)
                name: "lock"
                color: Theme.textMuted
            }
            FText {
                width: parent.width - Theme.px(26)
                wrapMode: Text.Wrap
                lineHeight: Math.round(Theme.interfaceSize * Theme.readingLine)
                lineHeightMode: Text.FixedHeight
                Accessible.role: Accessible.StaticText
                Accessible.name: text
                text: qsTr("Nothing you write leaves this machine. There is no account, and no network "
                           + "is needed.")
                color: Theme.textMuted
            }
        }
        Item {
            width: 1
            height: Theme.gap8
        }
        Row {
            spacing: Theme.gap8
            FButton {
                id: start
                objectName: "startTalking"
                primary: true
                implicitHeight: Theme.px(38)
                text: qsTr("Start talking")
                focus: true
                onClicked: first.startTalking()
            }
            FButton {
                implicitHeight: Theme.px(38)
                text: qsTr("I have models")
                onClicked: first.haveModels()
            }
        }
        FText {
            width: parent.width
            wrapMode: Text.Wrap
            topPadding: Theme.gap8
            Accessible.role: Accessible.StaticText
            Accessible.name: text
            text: qsTr("A tiny demonstration model comes with the program. It speaks simple English and "
                       + "knows very little; larger models can be added at any time.")
            font.pixelSize: Theme.captionSize
            lineHeight: Math.round(Theme.captionSize * Theme.readingLine)
            lineHeightMode: Text.FixedHeight
            color: Theme.textMuted
        }
    }
    onVisibleChanged: if (visible) start.forceActiveFocus()
    Component.onCompleted: if (visible) start.forceActiveFocus()
}
