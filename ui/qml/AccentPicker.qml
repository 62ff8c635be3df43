// SPDX-License-Identifier: MIT
// A row of accents; each is adapted to the theme, so that it stays readable.
import QtQuick
import QtQuick.Templates as T
import Fathom.Core

Row {
    id: picker

    readonly property var accents: [
        { value: "", name: qsTr("Blue") }, { value: "#0b7a75", name: qsTr("Teal") },
        { value: "#2e7d32", name: qsTr("Green") }, { value: "#b45309", name: qsTr("Amber") },
        { value: "#c2255c", name: qsTr("Rose") }, { value: "#7c3aed", name: qsTr("Violet") },
        { value: "#52525b", name: qsTr("Grey") }
    ]

    spacing: Theme.gap4
    Repeater {
        model: picker.accents
        T.RadioButton {
            id: swatch
            required property var modelData
            readonly property bool current: Settings.accent === modelData.value
            implicitWidth: Theme.px(26)
            implicitHeight: Theme.px(26)
            focusPolicy: Qt.TabFocus
            text: modelData.name
            checked: current
            Accessible.name: qsTr("Accent: %1").arg(text)
            onClicked: Settings.accent = modelData.value
            Keys.onReturnPressed: clicked()
            contentItem: Item {
                Rectangle {
                    anchors.centerIn: parent
                    width: Theme.px(18)
                    height: width
                    radius: width / 2
                    color: swatch.modelData.value !== "" ? Theme.readable(swatch.modelData.value)
                        : Theme.dark ? "#8fa2ff" : "#3454d1"
                }
            }
            background: Rectangle {
                radius: width / 2
                color: "transparent"
                border.width: swatch.current ? 2 : 0
                border.color: Theme.textMuted
                FocusRing {
                    target: swatch
                    radius: width / 2
                }
            }
        }
    }
}
