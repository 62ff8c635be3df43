// SPDX-License-Identifier: MIT
// One of a few: segments side by side. `options` is a list of {value, text}.
import QtQuick
import QtQuick.Templates as T

Rectangle {
    id: choice

    property var options: []
    property var value
    property string name
    signal chosen(var value)

    implicitWidth: row.implicitWidth + Theme.px(4)
    implicitHeight: Theme.controlHeight
    radius: Theme.radius
    color: Theme.raised
    Accessible.role: Accessible.Grouping
    Accessible.name: name

    Row {
        id: row
        anchors.centerIn: parent
        Repeater {
            model: choice.options
            T.RadioButton {
                id: segment
                required property var modelData
                readonly property bool current: choice.value === modelData.value
                implicitHeight: choice.height - Theme.px(4)
                implicitWidth: label.implicitWidth + Theme.gap24
                focusPolicy: Qt.TabFocus
                hoverEnabled: true
                text: modelData.text
                checked: current
                Accessible.name: choice.name + ": " + text
                onClicked: choice.chosen(modelData.value)
                Keys.onReturnPressed: clicked()
                contentItem: FText {
                    id: label
                    text: segment.text
                    horizontalAlignment: Text.AlignHCenter
                    color: segment.current ? Theme.text : Theme.textMuted
                    font.weight: segment.current ? Theme.strong : Theme.regular
                }
                background: Rectangle {
                    radius: Theme.radius - 1
                    color: segment.current ? Theme.window : segment.hovered ? Theme.hover(false)
                        : "transparent"
                    border.width: segment.current ? Theme.hairline : 0
                    border.color: Theme.line
                    FocusRing { target: segment }
                }
            }
        }
    }
}
