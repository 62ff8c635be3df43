// SPDX-License-Identifier: MIT
// A soft shadow below a popup, drawn as a few rings so that it works with every renderer.
import QtQuick

Item {
    anchors.fill: parent
    z: -1
    Repeater {
        model: 6
        Rectangle {
            required property int index
            anchors.fill: parent
            anchors.margins: -(index + 1) * 2
            anchors.topMargin: -(index + 1) * 2 + 3
            anchors.bottomMargin: -(index + 1) * 2 - 3
            radius: Theme.cardRadius + index * 2
            color: "transparent"
            border.width: 2
            border.color: Qt.rgba(0, 0, 0, (Theme.dark ? 0.16 : 0.035) * (1 - index / 6))
        }
    }
}
