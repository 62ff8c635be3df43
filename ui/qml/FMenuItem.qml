// SPDX-License-Identifier: MIT
import QtQuick
import QtQuick.Controls.Basic
import Fathom

MenuItem {
    id: item

    property string iconName
    property bool danger: false
    readonly property color ink: danger ? Theme.danger : Theme.text

    implicitHeight: Theme.controlHeight
    leftPadding: Theme.gap8
    rightPadding: Theme.gap8
    opacity: enabled ? 1 : 0.45
    Accessible.role: Accessible.MenuItem
    Accessible.name: text
    contentItem: Row {
        spacing: Theme.gap8
        Icon {
            visible: item.iconName !== ""
            anchors.verticalCenter: parent.verticalCenter
            width: Theme.px(17)
            height: width
            name: item.iconName
            color: item.danger ? Theme.danger : Theme.textMuted
        }
        FText {
            anchors.verticalCenter: parent.verticalCenter
            text: item.text
            color: item.ink
        }
    }
    indicator: null
    arrow: null
    background: Rectangle {
        radius: Theme.radius
        color: item.highlighted ? Theme.hover(item.down) : "transparent"
    }
}
