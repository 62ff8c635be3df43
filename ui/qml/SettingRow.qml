// SPDX-License-Identifier: MIT
// One setting: a name, a sentence, a control; a mark where it differs from the default, and the way back.
import QtQuick
import Fathom.Core

Item {
    id: row

    required property string setting // its name in Settings; empty: nothing to put back
    required property string name
    property string sentence
    property string keywords // found by the search too
    property string filter
    property bool wide: false // the control stands below the words
    default property alias control: slot.data
    property bool changed: false
    property bool shown: true
    readonly property bool matches: shown
        && (filter === "" || (name + " " + sentence + " " + keywords).toLowerCase().indexOf(filter.toLowerCase()) >= 0)

    function refresh() { changed = setting !== "" && !Settings.isDefault(setting) }

    width: parent ? parent.width : 0
    visible: matches
    height: visible ? implicitHeight : 0
    implicitHeight: (wide ? words.height + Theme.gap8 + slot.height : Math.max(words.height, slot.height))
        + Theme.gap24
    Accessible.role: Accessible.Grouping
    Accessible.name: name
    Component.onCompleted: refresh()
    Connections {
        target: Settings
        function onChanged(name) { row.refresh() }
    }

    Rectangle {
        visible: row.changed
        x: -Theme.gap12
        y: Theme.gap12
        width: Theme.px(3)
        height: words.height
        radius: width / 2
        color: Theme.accent
        Accessible.role: Accessible.Indicator
        Accessible.name: qsTr("Differs from the default")
    }
    Column {
        id: words
        y: Theme.gap12
        width: row.wide ? parent.width : parent.width - slot.width - Theme.gap24 - back.width
        spacing: 2
        FText {
            width: parent.width
            text: row.name
        }
        FText {
            visible: row.sentence !== ""
            width: parent.width
            wrapMode: Text.Wrap
            text: row.sentence
            lineHeight: 1.25
            font.pixelSize: Theme.captionSize
            color: Theme.textMuted
        }
    }
    IconButton {
        id: back
        visible: row.setting !== ""
        opacity: row.changed ? 1 : 0
        enabled: row.changed
        anchors.right: row.wide ? parent.right : slot.left
        anchors.rightMargin: row.wide ? 0 : Theme.gap8
        y: row.wide ? Theme.gap4 : (parent.height - height) / 2
        iconName: "reset"
        iconSize: 15
        text: qsTr("Put back the default of “%1”").arg(row.name)
        onClicked: Settings.reset(row.setting)
    }
    Item {
        id: slot
        anchors.right: parent.right
        y: row.wide ? words.y + words.height + Theme.gap8 : (parent.height - height) / 2
        width: row.wide ? parent.width : childrenRect.width
        height: childrenRect.height
    }
    Rectangle {
        anchors.bottom: parent.bottom
        width: parent.width
        height: Theme.hairline
        color: Theme.line
    }
}
