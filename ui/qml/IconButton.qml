// SPDX-License-Identifier: MIT
// A small button that is only an icon; its name is spoken and shown on hover.
import QtQuick
import QtQuick.Controls.Basic
import Fathom

AbstractButton {
    id: button

    required property string iconName
    property color iconColor: enabled ? (hovered || checked ? Theme.text : Theme.textMuted) : Theme.textMuted
    property int iconSize: 18
    property bool tips: true // false while what it opens stands there

    implicitWidth: Theme.px(30)
    implicitHeight: Theme.px(30)
    opacity: enabled ? 1 : 0.45
    focusPolicy: Qt.TabFocus
    hoverEnabled: true
    Accessible.role: Accessible.Button
    Accessible.name: text

    contentItem: Item {
        Icon {
            anchors.centerIn: parent
            width: Theme.px(button.iconSize)
            height: width
            name: button.iconName
            color: button.iconColor
        }
    }
    background: Rectangle {
        radius: Theme.radius
        color: button.enabled && (button.hovered || button.down || button.checked) ? Theme.hover(button.down)
                                                                                  : "transparent"
        FocusRing { target: button }
    }
    Keys.onReturnPressed: clicked()
    Keys.onEnterPressed: clicked()

    Loader { // a popup for each of hundreds of buttons would make a conversation slow to open
        active: button.hovered && button.tips
        sourceComponent: FToolTip {
            parent: button
            text: button.text
            visible: button.hovered && button.text !== "" && !button.down
        }
    }
}
