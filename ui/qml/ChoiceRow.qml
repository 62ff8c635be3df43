// SPDX-License-Identifier: MIT
// A line to choose in a list of a popup.
import QtQuick
import QtQuick.Templates as T
import Fathom

T.ItemDelegate {
    id: row

    property string iconName
    property string detail // at the right, muted
    property bool current: false // where the keyboard is

    implicitHeight: Theme.px(33)
    focusPolicy: Qt.NoFocus
    hoverEnabled: true
    Accessible.name: detail !== "" ? text + ", " + detail : text
    Accessible.selectable: true
    Accessible.selected: current
    contentItem: Item {
        Icon {
            id: sign
            visible: row.iconName !== ""
            x: Theme.gap8
            anchors.verticalCenter: parent.verticalCenter
            width: visible ? Theme.px(17) : 0
            height: width
            name: row.iconName
            color: Theme.textMuted
        }
        FText {
            anchors.left: sign.right
            anchors.leftMargin: Theme.gap8
            anchors.right: side.left
            anchors.rightMargin: Theme.gap8
            anchors.verticalCenter: parent.verticalCenter
            text: row.text
        }
        FText {
            id: side
            anchors.right: parent.right
            anchors.rightMargin: Theme.gap12
            anchors.verticalCenter: parent.verticalCenter
            width: Math.min(implicitWidth, row.width * 0.45)
            text: row.detail
            font.pixelSize: Theme.captionSize
            color: Theme.textMuted
        }
    }
    background: Rectangle {
        radius: Theme.radius
        color: row.current ? Theme.selection : row.hovered ? Theme.hover(row.down) : "transparent"
    }
}
