// SPDX-License-Identifier: MIT
import QtQuick
import QtQuick.Templates as T

T.CheckBox {
    id: control

    implicitWidth: Theme.px(36)
    implicitHeight: Theme.px(22)
    focusPolicy: Qt.TabFocus
    Accessible.name: text

    background: Rectangle {
        radius: height / 2
        color: control.checked ? Theme.accent : Theme.window
        border.width: control.checked ? 0 : Theme.px(1)
        border.color: Theme.textMuted
        FocusRing {
            target: control
            radius: height / 2
        }
    }
    contentItem: Item {
        Rectangle {
            x: control.checked ? parent.width - width - Theme.px(4) : Theme.px(4)
            anchors.verticalCenter: parent.verticalCenter
            width: Theme.px(14)
            height: width
            radius: width / 2
            color: control.checked ? Theme.accentText : Theme.textMuted
            Behavior on x { NumberAnimation { duration: Theme.duration; easing.type: Theme.easing } }
        }
    }
    Keys.onReturnPressed: {
        toggle()
        toggled()
    }
    Keys.onEnterPressed: {
        toggle()
        toggled()
    }
}
