// SPDX-License-Identifier: MIT
import QtQuick

Column {
    id: section

    required property string title
    default property alias rows: inside.data

    width: parent ? parent.width : 0
    visible: inside.children.length === 0 || Array.from(inside.children).some(row => row.matches)

    FText {
        width: parent.width
        topPadding: Theme.gap24
        bottomPadding: Theme.gap4
        text: section.title
        font.pixelSize: Theme.titleSize
        font.weight: Theme.strong
        Accessible.role: Accessible.Heading
        Accessible.name: text
    }
    Column {
        id: inside
        width: parent.width
    }
}
