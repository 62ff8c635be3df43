// SPDX-License-Identifier: MIT
import QtQuick
import QtQuick.Controls.Basic

Menu {
    id: menu

    padding: Theme.gap4
    implicitWidth: Theme.px(200)
    modal: false
    delegate: FMenuItem {}
    background: Rectangle {
        radius: Theme.radius + 2
        color: Theme.floating
        border.width: Theme.hairline
        border.color: Theme.line
        Shadow {}
    }
    enter: Transition { NumberAnimation { property: "opacity"; from: 0; to: 1; duration: Theme.duration } }
}
