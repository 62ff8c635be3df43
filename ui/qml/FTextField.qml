// SPDX-License-Identifier: MIT
import QtQuick
import QtQuick.Controls.Basic
import Fathom

TextField {
    id: field

    property string iconName

    implicitHeight: Theme.controlHeight
    leftPadding: iconName !== "" ? Theme.px(34) : Theme.gap12 - 2
    rightPadding: Theme.gap8
    topPadding: 0
    bottomPadding: 0
    verticalAlignment: TextInput.AlignVCenter
    font.family: Theme.uiFont
    font.pixelSize: Theme.interfaceSize
    color: Theme.text
    placeholderTextColor: Theme.textMuted
    selectionColor: Theme.mix(Theme.window, Theme.accent, 0.3)
    selectedTextColor: Theme.text
    selectByMouse: true
    Accessible.role: Accessible.EditableText
    Accessible.name: placeholderText

    background: Rectangle {
        radius: Theme.radius
        color: field.enabled ? Theme.window : "transparent"
        border.width: field.activeFocus ? 2 : Theme.hairline
        border.color: field.activeFocus ? Theme.accent : Theme.line
        Icon {
            visible: field.iconName !== ""
            x: Theme.gap8 + 1
            anchors.verticalCenter: parent.verticalCenter
            width: Theme.px(17)
            height: width
            name: field.iconName
            color: Theme.textMuted
        }
    }
}
