// SPDX-License-Identifier: MIT
// A button with words. `primary` is the one thing to do, `danger` what cannot be undone, `flat` has no frame.
import QtQuick
import QtQuick.Controls.Basic
import Fathom

AbstractButton {
    id: button

    property bool primary: false
    property bool danger: false
    property bool flat: false
    property string iconName
    property int size: Theme.interfaceSize
    readonly property color ink: primary ? Theme.accentText : danger ? Theme.danger : Theme.text

    implicitHeight: Theme.controlHeight
    implicitWidth: row.implicitWidth + leftPadding + rightPadding
    leftPadding: iconName !== "" ? Theme.gap8 + 2 : Theme.gap12
    rightPadding: Theme.gap12
    opacity: enabled ? 1 : 0.45
    focusPolicy: Qt.TabFocus
    hoverEnabled: true
    Accessible.role: Accessible.Button
    Accessible.name: text

    contentItem: Item {
        implicitWidth: row.implicitWidth
        implicitHeight: row.implicitHeight
        Row {
            id: row
            anchors.centerIn: parent
            spacing: Theme.gap8 - 2
            Icon {
                visible: button.iconName !== ""
                anchors.verticalCenter: parent.verticalCenter
                width: Theme.px(17)
                height: width
                name: button.iconName
                color: button.ink
            }
            FText {
                anchors.verticalCenter: parent.verticalCenter
                text: button.text
                color: button.ink
                font.pixelSize: button.size
                font.weight: button.primary ? Theme.strong : Theme.regular
            }
        }
    }
    background: Rectangle {
        radius: Theme.radius
        color: button.primary ? Theme.accent : button.flat ? "transparent" : Theme.window
        border.width: button.primary || button.flat ? 0 : Theme.hairline
        border.color: Theme.line
        Rectangle {
            anchors.fill: parent
            radius: parent.radius
            color: button.enabled && (button.hovered || button.down) ? Theme.hover(button.down)
                : "transparent"
        }
        FocusRing { target: button }
    }
    Keys.onReturnPressed: clicked()
    Keys.onEnterPressed: clicked()
}
