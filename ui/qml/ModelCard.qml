// SPDX-License-Identifier: MIT
// What a model's file says of itself: what it is, its size, its licence, the text it was trained on.
import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Templates as T
import Fathom.Core

Popup {
    id: card

    required property string name
    required property string description
    required property var about // a list of {label, value}

    parent: T.Overlay.overlay
    anchors.centerIn: parent
    width: Math.min(Theme.px(520), parent.width - 2 * Theme.gap24)
    height: Math.min(implicitHeight, parent.height - 2 * Theme.gap24)
    padding: Theme.gap24
    focus: true
    modal: true
    T.Overlay.modal: Rectangle { color: Qt.rgba(0, 0, 0, 0.3) }
    contentItem: Flickable {
        implicitHeight: body.height
        contentHeight: body.height
        clip: true
        boundsBehavior: Flickable.StopAtBounds
        ScrollBar.vertical: FScrollBar {}
        Accessible.role: Accessible.Dialog
        Accessible.name: qsTr("About %1").arg(card.name)
        Column {
            id: body
            width: parent.width
            spacing: Theme.gap12
            FText {
                width: parent.width
                wrapMode: Text.Wrap
                text: card.name
                font.pixelSize: Theme.titleSize
                font.weight: Theme.strong
                Accessible.role: Accessible.Heading
                Accessible.name: text
            }
            FText {
                width: parent.width
                visible: text !== ""
                wrapMode: Text.Wrap
                lineHeight: Math.round(Theme.readingSize * Theme.readingLine)
                lineHeightMode: Text.FixedHeight
                text: card.description
                font.pixelSize: Theme.readingSize
            }
            Repeater {
                model: card.about
                Item {
                    required property var modelData
                    width: body.width
                    height: value.height
                    FText {
                        width: Theme.px(96)
                        text: parent.modelData.label
                        color: Theme.textMuted
                    }
                    FText {
                        id: value
                        x: Theme.px(108)
                        width: parent.width - x
                        wrapMode: Text.Wrap
                        text: parent.modelData.value
                    }
                }
            }
        }
    }
    background: Rectangle {
        radius: Theme.cardRadius
        color: Theme.floating
        border.width: Theme.hairline
        border.color: Theme.line
        Shadow {}
    }
    enter: Transition { NumberAnimation { property: "opacity"; from: 0; to: 1; duration: Theme.duration } }
}
