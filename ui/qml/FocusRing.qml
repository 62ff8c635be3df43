// SPDX-License-Identifier: MIT
// Shows where the keyboard is; only for focus that came by the keyboard.
import QtQuick

Rectangle {
    property Item target: parent

    anchors.fill: parent
    anchors.margins: -2
    radius: Theme.radius + 2
    color: "transparent"
    border.width: 2
    border.color: Theme.accent
    visible: target && target.visualFocus
}
