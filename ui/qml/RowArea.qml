// SPDX-License-Identifier: MIT
// The mouse on a line of the sidebar: click with its modifiers, double click, menu, and dragging to a folder.
import QtQuick

MouseArea {
    required property var sidebar
    property var dragIds: [] // asked for when a drag begins: a function
    property string dragName
    property point from
    property bool dragging: false
    property bool doubled: false

    signal chosen(int modifiers)
    signal renameWanted()
    signal menuWanted()

    function end(drop) {
        if (!dragging)
            return
        dragging = false
        sidebar.endDrag(drop)
    }

    acceptedButtons: Qt.LeftButton | Qt.RightButton
    onPressed: mouse => {
        // A finger scrolls the list; the mouse drags the line.
        preventStealing = mouse.source === Qt.MouseEventNotSynthesized
        from = Qt.point(mouse.x, mouse.y)
    }
    onPositionChanged: mouse => {
        if (!(pressedButtons & Qt.LeftButton) || !preventStealing || typeof dragIds !== "function")
            return
        const there = mapToItem(sidebar, mouse.x, mouse.y)
        if (!dragging && Math.abs(mouse.x - from.x) + Math.abs(mouse.y - from.y) > Theme.px(8))
            dragging = sidebar.beginDrag(dragIds(), dragName)
        if (dragging)
            sidebar.dragTo(there.x, there.y)
    }
    onReleased: mouse => {
        if (dragging) {
            end(true)
        } else if (doubled) {
            doubled = false
        } else if (containsMouse || contains(Qt.point(mouse.x, mouse.y))) {
            if (mouse.button === Qt.RightButton)
                menuWanted()
            else
                chosen(mouse.modifiers)
        }
    }
    onDoubleClicked: mouse => {
        if (mouse.button !== Qt.LeftButton || mouse.modifiers !== Qt.NoModifier)
            return
        doubled = true
        renameWanted()
    }
    onCanceled: end(false)
    Component.onDestruction: end(false)
}
