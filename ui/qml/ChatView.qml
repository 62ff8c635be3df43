// SPDX-License-Identifier: MIT
// The conversation: one flat, virtualised list of rows (see message_rows.h). It follows the end only while
// the person is at the end; otherwise nothing that streams moves what is being read.
import QtQuick
import QtQuick.Controls.Basic
import Fathom
import Fathom.Core

ListView {
    id: view
    objectName: "messageList"

    property bool following: true
    property var hoveredMessage: -1
    property var editedMessage: -1
    property real lastY: 0
    property bool placing: false // contentY is being set by this file
    // A selection over several rows: where it began and where the pointer is.
    property int anchorRow: -1
    property int anchorPosition: 0
    property int headRow: -1
    property point headPoint
    readonly property bool selectsRows: anchorRow >= 0 && headRow >= 0 && headRow !== anchorRow
    readonly property real margin: width < Theme.px(800) ? Theme.gap16 : Theme.gap32
    readonly property real columnWidth: Math.min(Theme.columnWidth, width - 2 * margin)
    readonly property real wideWidth: Math.min(Theme.wideWidth, width - 2 * margin)
    readonly property bool atEnd: model.reachesEnd
        && contentY + height >= originY + contentHeight - Theme.px(40)
    readonly property bool partial: !model.reachesStart || !model.reachesEnd
    // Where a jump to another part of the conversation leads: a message and where it comes to stand.
    property int jumpMode: ListView.Beginning
    // What stands at the top, so that it can be put back when the rows get another width.
    property int topRow: -1
    property real topOffset: 0

    signal chooseModel()
    signal showSettings()

    model: MessageRows {
        source: Chat
        onWanted: (first, last) => Chat.load(first, last)
        onUnneeded: (first, last) => Chat.keep(first, last)
        onArrived: row => view.arrive(row)
        onAboutToPrepend: view.noteTop()
        onPrepended: rows => {
            if (view.following)
                Qt.callLater(view.place)
            else if (view.topRow === 0) // the list itself holds still where it is not at its very top
                view.restoreTop(rows)
        }
    }
    clip: true
    boundsBehavior: Flickable.StopAtBounds
    cacheBuffer: Theme.px(600)
    reuseItems: false
    keyNavigationEnabled: false
    currentIndex: -1
    highlightFollowsCurrentItem: false
    activeFocusOnTab: true
    header: Item { implicitHeight: Theme.gap8 }
    footer: Item { implicitHeight: Theme.gap32 }
    Accessible.role: Accessible.List
    Accessible.name: qsTr("Messages")

    function toEnd() {
        following = true
        place()
    }
    function toStart() {
        showMessage(0, ListView.Beginning)
    }
    // Moves to a message by its row in Chat, wherever in the conversation it is.
    function showMessage(row, mode) {
        following = false
        jumpMode = mode
        model.go(row)
    }
    function place() {
        if (!following)
            return
        if (!model.reachesEnd) {
            model.go(model.messageCount - 1)
            return
        }
        placing = true
        positionViewAtEnd()
        lastY = contentY
        placing = false
        Qt.callLater(look)
    }
    function arrive(row) {
        if (following) {
            place()
            return
        }
        placing = true
        positionViewAtIndex(row, jumpMode)
        lastY = contentY
        placing = false
        Qt.callLater(look)
    }
    // Tells the rows which of them are seen, so that those around come in.
    function look() {
        if (count === 0)
            return
        const first = rowNear(0, 1)
        const last = rowNear(height - 1, -1)
        model.look(first < 0 ? 0 : first, last < 0 ? count - 1 : last)
        if (!farBar.pressed)
            farBar.position = progress() * (1 - farBar.size)
    }
    // The row at a height of the view, or the next one below (step 1) or above (-1) where there is a gap.
    function rowNear(y, step) {
        for (let i = 0; i < 8; ++i) {
            const row = indexAt(contentX + width / 2, contentY + y + i * step * Theme.gap16)
            if (row >= 0)
                return row
        }
        return -1
    }
    // How far down the conversation the view is, 0 to 1.
    function progress() {
        const top = rowNear(0, 1)
        const item = itemAtIndex(top)
        if (!item)
            return following ? 1 : 0
        const above = model.progressAt(top)
        const next = top + 1 < count ? model.progressAt(top + 1) : model.messageCount
        const part = Math.max(0, Math.min(1, (contentY - item.y) / Math.max(1, item.height)))
        const seen = model.messageOf(Math.max(top, rowNear(height - 1, -1))) - Math.floor(above) + 1
        return Math.max(0, Math.min(1, (above + (next - above) * part) / Math.max(1, model.messageCount - seen)))
    }
    function noteTop() {
        topRow = rowNear(0, 1)
        const item = itemAtIndex(topRow)
        topOffset = item ? contentY - item.y : 0
    }
    function restoreTop(rows) {
        if (topRow < 0)
            return
        placing = true
        forceLayout()
        positionViewAtIndex(topRow + rows, ListView.Beginning)
        contentY += topOffset
        lastY = contentY
        placing = false
    }
    function scrollBy(distance) {
        const end = Math.max(originY, originY + contentHeight - height)
        contentY = Math.max(originY, Math.min(end, contentY + distance))
    }

    function textItemAt(row) {
        const item = itemAtIndex(row)
        return item ? item.textItem : null
    }
    function rowAt(point) {
        const y = Math.max(0, Math.min(height - 1, point.y)) + contentY
        return indexAt(contentX + width / 2, y)
    }
    function beginSelection(point) {
        if (selectsRows) {
            for (let row = Math.min(anchorRow, headRow); row <= Math.max(anchorRow, headRow); ++row)
                deselect(row)
        }
        headRow = -1
        anchorRow = rowAt(point)
        const text = textItemAt(anchorRow)
        if (!text || !text.contains(mapToItem(text, point)))
            anchorRow = -1
        else
            anchorPosition = positionIn(text, point)
    }
    function extendSelection(point) {
        if (anchorRow < 0)
            return
        headPoint = point
        Qt.callLater(applySelection) // after the text under the pointer has made its own of it
    }
    function applySelection() {
        const row = rowAt(headPoint)
        if (row < 0 || anchorRow < 0 || (headRow < 0 && row === anchorRow))
            return
        const before = headRow < 0 ? anchorRow : headRow
        headRow = row
        const down = row > anchorRow
        for (let i = Math.min(before, row, anchorRow); i <= Math.max(before, row, anchorRow); ++i) {
            const text = textItemAt(i)
            if (!text || (i === anchorRow && row === anchorRow))
                continue
            if (i === anchorRow)
                text.select(down ? anchorPosition : 0, down ? text.length : anchorPosition)
            else if (i === row)
                text.select(down ? 0 : positionIn(text, headPoint),
                            down ? positionIn(text, headPoint) : text.length)
            else if (i > Math.min(row, anchorRow) && i < Math.max(row, anchorRow))
                text.selectAll()
            else
                text.deselect()
        }
    }
    function deselect(row) {
        const text = textItemAt(row)
        if (text)
            text.deselect()
    }
    function positionIn(text, point) {
        const place = mapToItem(text, point)
        return text.positionAt(place.x, place.y)
    }
    function selectedText() {
        const parts = []
        for (let row = Math.min(anchorRow, headRow); row <= Math.max(anchorRow, headRow); ++row) {
            const text = textItemAt(row)
            const part = text ? text.selectedText : model.plainText(row)
            if (part !== "")
                parts.push(part)
        }
        return parts.join("\n\n")
    }

    onContentHeightChanged: Qt.callLater(following ? place : look)
    onHeightChanged: Qt.callLater(following ? place : look)
    onContentYChanged: {
        Qt.callLater(look)
        if (placing)
            return
        if (contentY < lastY - 0.5 && (moving || bar.pressed || activeFocus))
            following = false
        else if (contentY > lastY + 0.5 && atEnd)
            following = true
        lastY = contentY
    }
    onMovementEnded: if (atYEnd) following = true

    Keys.onPressed: event => {
        if (event.matches(StandardKey.Copy) && selectsRows) {
            Chat.copyText(selectedText())
            event.accepted = true
            return
        }
        if (event.modifiers !== Qt.NoModifier && event.modifiers !== Qt.KeypadModifier)
            return
        switch (event.key) {
        case Qt.Key_PageUp: scrollBy(-height * 0.9); break
        case Qt.Key_PageDown: scrollBy(height * 0.9); break
        case Qt.Key_Up: scrollBy(-Theme.px(60)); break
        case Qt.Key_Down: scrollBy(Theme.px(60)); break
        case Qt.Key_Home: toStart(); break
        case Qt.Key_End: toEnd(); break
        default: return
        }
        event.accepted = true
    }
    Item { // above the rows, so that it sees a press before the text that takes it
        parent: view
        anchors.fill: parent
        z: 1
        PointHandler {
            acceptedButtons: Qt.LeftButton
            acceptedDevices: PointerDevice.Mouse
            onActiveChanged: if (active) view.beginSelection(point.position)
            onPointChanged: if (active) view.extendSelection(point.position)
        }
    }
    WheelHandler {
        acceptedDevices: PointerDevice.Mouse | PointerDevice.TouchPad
        target: null
        blocking: false
        onWheel: event => {
            if (event.angleDelta.y > 0 && view.contentHeight > view.height)
                view.following = false
        }
    }
    Connections {
        target: Chat
        function onConversationIdChanged() {
            view.editedMessage = -1
            view.anchorRow = -1
            view.headRow = -1
            view.toEnd()
        }
        function onAppended() { if (view.following) Qt.callLater(view.place) }
        function onRevealed(row) { view.showMessage(row, ListView.Center) }
    }

    delegate: Item {
        id: cell

        required property int index
        required property string kind
        required property bool first
        required property var model
        readonly property Item textItem: content.item && content.item.textItem ? content.item.textItem : null
        readonly property bool highlighted: view.hoveredMessage === model.messageId

        width: ListView.view ? ListView.view.width : 0
        implicitHeight: content.implicitHeight + content.y

        HoverHandler {
            onHoveredChanged: if (hovered) view.hoveredMessage = cell.model.messageId
        }
        // Keeps a mouse that drags beside the text from throwing the list.
        MouseArea {
            anchors.fill: parent
            enabled: !Platform.hasTouch
            preventStealing: true
            onPressed: view.forceActiveFocus()
        }
        Loader {
            id: content
            readonly property real gap: {
                if (cell.first)
                    return cell.kind === "user" ? Theme.gap12 : Theme.gap4
                if (cell.model.continuation)
                    return 0
                if (cell.kind === "footer")
                    return Theme.gap4
                if (cell.model.type === "heading")
                    return Theme.gap24
                if (cell.kind === "text" && cell.model.marker !== "")
                    return Theme.gap8 - 2
                return Theme.gap12
            }
            y: gap
            width: parent.width
            sourceComponent: cell.kind === "text" ? textBlock : cell.kind === "user" ? userMessage
                : cell.kind === "code" ? codeBlock : cell.kind === "formula" ? formulaBlock
                : cell.kind === "table" ? tableBlock : cell.kind === "rule" ? ruleBlock
                : cell.kind === "think" ? thinkBlock : footer
        }
        Component {
            id: textBlock
            TextBlock { row: cell.model; column: view.columnWidth; keys: view }
        }
        Component {
            id: codeBlock
            CodeBlock { row: cell.model; column: view.columnWidth; wide: view.wideWidth; keys: view }
        }
        Component {
            id: formulaBlock
            FormulaBlock { row: cell.model; column: view.columnWidth; wide: view.wideWidth; keys: view }
        }
        Component {
            id: thinkBlock
            ThinkBlock { row: cell.model; column: view.columnWidth }
        }
        Component {
            id: tableBlock
            TableBlock { row: cell.model; column: view.columnWidth; wide: view.wideWidth }
        }
        Component {
            id: ruleBlock
            Item {
                implicitHeight: Theme.gap16
                Rectangle {
                    anchors.centerIn: parent
                    width: view.columnWidth
                    height: Theme.hairline
                    color: Theme.line
                }
            }
        }
        Component {
            id: userMessage
            UserMessage {
                row: cell.model
                column: view.columnWidth
                keys: view
                highlighted: cell.highlighted
                editing: view.editedMessage === cell.model.messageId
                onEditRequested: view.editedMessage = cell.model.messageId
                onEditEnded: view.editedMessage = -1
            }
        }
        Component {
            id: footer
            MessageFooter {
                row: cell.model
                column: view.columnWidth
                highlighted: cell.highlighted
                onChooseModel: view.chooseModel()
                onShowSettings: view.showSettings()
            }
        }
    }

    ScrollBar.vertical: FScrollBar {
        id: bar
        visible: !view.partial
    }
    // Of a conversation of which only a part is laid out, by messages instead of heights.
    FScrollBar {
        id: farBar
        parent: view
        anchors.right: parent.right
        anchors.top: parent.top
        anchors.bottom: parent.bottom
        z: 2
        visible: view.partial
        orientation: Qt.Vertical
        size: 0.06
        onPositionChanged: {
            if (!pressed)
                return
            const to = Math.max(0, Math.min(1, position / (1 - size)))
            if (to > 0.999)
                view.toEnd()
            else
                view.showMessage(Math.floor(to * (view.model.messageCount - 1)), ListView.Beginning)
        }
    }

    AbstractButton {
        id: endButton
        anchors.horizontalCenter: parent.horizontalCenter
        anchors.bottom: parent.bottom
        anchors.bottomMargin: Theme.gap12
        width: Theme.px(34)
        height: width
        z: 2
        visible: opacity > 0
        opacity: !view.atEnd && !view.following && view.count > 0 ? 1 : 0
        focusPolicy: Qt.TabFocus
        text: qsTr("To the end")
        Accessible.role: Accessible.Button
        Accessible.name: text
        onClicked: view.toEnd()
        Behavior on opacity { NumberAnimation { duration: Theme.duration } }
        contentItem: Item {
            Icon {
                anchors.centerIn: parent
                width: Theme.px(18)
                height: width
                name: "arrow-down"
                color: Theme.text
            }
        }
        background: Rectangle {
            radius: width / 2
            color: Theme.window
            border.width: Theme.hairline
            border.color: Theme.line
            Rectangle {
                anchors.fill: parent
                radius: width / 2
                color: endButton.hovered || endButton.down ? Theme.hover(endButton.down) : "transparent"
            }
            FocusRing {
                target: endButton
                radius: width / 2
            }
        }
    }
}
