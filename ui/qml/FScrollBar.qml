// SPDX-License-Identifier: MIT
import QtQuick
import QtQuick.Controls.Basic

ScrollBar {
    id: bar

    padding: 2
    minimumSize: 0.06
    contentItem: Rectangle {
        implicitWidth: Theme.px(bar.hovered || bar.pressed ? 8 : 6)
        implicitHeight: implicitWidth
        radius: width / 2
        color: Qt.rgba(Theme.text.r, Theme.text.g, Theme.text.b,
                       bar.pressed ? 0.45 : bar.hovered ? 0.35 : 0.2)
        opacity: bar.size < 1 && bar.policy !== ScrollBar.AlwaysOff ? 1 : 0
    }
    background: null
}
