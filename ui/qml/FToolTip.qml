// SPDX-License-Identifier: MIT
import QtQuick
import QtQuick.Controls.Basic

ToolTip {
    id: tip

    delay: 600
    timeout: 6000
    padding: Theme.gap8
    topPadding: Theme.gap4
    bottomPadding: Theme.gap4
    contentItem: FText {
        text: tip.text
        font.pixelSize: Theme.captionSize
        color: Theme.window
    }
    background: Rectangle {
        radius: Theme.radius
        color: Theme.text
    }
    enter: Transition { NumberAnimation { property: "opacity"; from: 0; to: 1; duration: Theme.duration } }
    exit: Transition { NumberAnimation { property: "opacity"; to: 0; duration: Theme.duration } }
}
