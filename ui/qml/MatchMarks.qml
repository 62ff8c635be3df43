// SPDX-License-Identifier: MIT
// Where the text that is looked for stands in a text item.
import QtQuick

Item {
    id: marks

    required property Item text // a TextEdit; the marks lie over it
    required property string query
    property int current: -1 // which of them the person is at
    readonly property var places: {
        // A new text, width or font moves them.
        const moved = [text.length, text.width, text.contentHeight, text.font.pixelSize]
        return moved.length > 0 && query !== "" ? find() : []
    }
    readonly property int most: 500 // of one text

    function find() {
        const letters = text.getText(0, text.length).toLowerCase()
        const word = query.toLowerCase()
        const found = []
        let number = 0
        for (let at = letters.indexOf(word); at >= 0 && number < most; at = letters.indexOf(word, at + word.length))
            lines(at, at + word.length, number++, found)
        return found
    }
    // A rectangle for each line that the letters stand on.
    function lines(from, to, number, found) {
        let begin = text.positionToRectangle(from)
        let last = begin
        for (let at = from + 1; at <= to; ++at) {
            const place = text.positionToRectangle(at)
            if (place.y !== begin.y) {
                add(begin, last.x, number, found)
                begin = place
            }
            last = place
        }
        add(begin, last.x, number, found)
    }
    function add(begin, end, number, found) {
        if (end !== begin.x)
            found.push({ x: Math.min(begin.x, end), y: begin.y, width: Math.abs(end - begin.x),
                         height: begin.height, number: number })
    }
    // The height at which the current one stands; 0 where it is none of these.
    function currentY() {
        const place = places.find(place => place.number === current)
        return place ? place.y + place.height / 2 : 0
    }

    parent: text
    anchors.fill: parent
    Repeater {
        model: marks.places
        Rectangle {
            required property var modelData
            readonly property bool isCurrent: modelData.number === marks.current
            readonly property color ink: isCurrent ? Theme.accent : Theme.warning
            x: modelData.x - 1
            y: modelData.y
            width: modelData.width + 2
            height: modelData.height
            radius: 2
            color: Qt.rgba(ink.r, ink.g, ink.b, 0.28)
            border.width: isCurrent ? 1 : 0
            border.color: ink
        }
    }
}
