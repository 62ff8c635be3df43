// SPDX-License-Identifier: MIT
// The bars at the side of what is quoted, one for each quote it stands in.
import QtQuick

Item {
    id: bars

    required property var row
    required property real column
    property bool rightToLeft: false

    Repeater {
        model: bars.row.quote ?? 0
        Rectangle {
            required property int index
            readonly property real place: index * Theme.gap16 + (bars.row.quoteIndents[index] ?? 0) * Theme.gap24
            // Joins the bar of the block above where that stands in the same quote.
            readonly property real above: index < (bars.row.quoteAbove ?? 0) ? Theme.gap16 : Theme.gap4
            x: (bars.width - bars.column) / 2 + (bars.rightToLeft ? bars.column - place - width : place)
            y: -above
            width: Theme.px(3)
            height: bars.height + above + Theme.gap4
            radius: width / 2
            color: Theme.line
        }
    }
}
