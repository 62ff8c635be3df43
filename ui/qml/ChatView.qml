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
    property bool goingUp: false // by the person's latest step
    property var hoveredMessage: -1
    property real lastY: 0
    property bool placing: false // contentY is being set by this file
    property bool selecting: false // by a drag that goes on
    property point pointer
    readonly property var finder: Chat.finder
    property int matchRow: -1 // row and number there of the current match
    property int matchIndex: -1
    readonly property real margin: width < Theme.px(800) ? Theme.gap16 : Theme.gap32
    readonly property real columnWidth: Math.min(Theme.columnWidth, width - 2 * margin)
    readonly property real wideWidth: Math.min(Theme.wideWidth, width - 2 * margin)
    readonly property bool atEnd: model.reachesEnd
        && contentY + height >= originY + contentHeight - Theme.px(40)
    readonly property bool partial: !model.reachesStart || !model.reachesEnd
    // Where a jump to another part of the conversation leads: a message and where it comes to stand.
    property int jumpMode: ListView.Beginning
    // The message that was jumped to, until the person scrolls: rows around it that come in or get their true
    // height may leave it no room at first, or move it.
    property int jumpTarget: -1
    // What stands at the top. Rows above it that come in or get their true height move it; the view goes along,
    // so that nothing moves on the screen.
    property Item topItem: null
    property real topY: 0

    signal chooseModel()
    signal showDetails(var messageId)
    signal showSettings()

    model: MessageRows {
        source: Chat
        onWanted: (first, last) => Chat.load(first, last)
        onUnneeded: (first, last) => Chat.keep(first, last)
        onArrived: row => view.arrive(row)
        onWindowChanged: if (view.jumpTarget >= 0) Qt.callLater(view.jumpOn)
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
        goingUp = false
        jumpTarget = -1
        place()
    }
    function toStart() {
        showMessage(0, ListView.Beginning)
    }
    // Moves to a message by its row in Chat, wherever in the conversation it is.
    function showMessage(row, mode) {
        following = false
        jumpTarget = -1
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
        jumpTarget = model.messageOf(row)
        holdTop()
        Qt.callLater(look)
        if (finder.message > 0)
            Qt.callLater(showMatch)
    }
    function jumpOn() {
        if (jumpTarget >= 0 && !following)
            model.go(jumpTarget)
    }
    // Tells the rows which of them are seen, so that those around come in.
    function look() {
        if (count === 0)
            return
        forceLayout() // rows that came in just now have other numbers than the list knows yet
        const first = rowNear(0, 1)
        const last = rowNear(height - 1, -1)
        holdTop()
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
    function holdTop() {
        topItem = itemAtIndex(rowNear(0, 1))
        topY = topItem ? topItem.y : 0
    }
    function keepTop() {
        const moved = topItem.y - topY
        topY = topItem.y
        if (following || placing || moved === 0)
            return
        if (jumpTarget >= 0)
            Qt.callLater(jumpOn)
        placing = true
        contentY += moved
        lastY = contentY
        placing = false
    }

    function scrollBy(distance) {
        jumpTarget = -1
        goingUp = distance < 0
        const before = contentY
        const end = Math.max(originY, originY + contentHeight - height)
        contentY = Math.max(originY, Math.min(end, contentY + distance))
        if (contentY < before || (goingUp && !model.reachesStart))
            following = false
        else if (contentY > before)
            Qt.callLater(followAtEnd)
    }
    // Called when the rows have come to rest: in the middle of a change above them the end is not where it
    // seems to be.
    function followAtEnd() {
        if (atEnd && !goingUp)
            following = true
    }

    function textItemAt(row) {
        const item = itemAtIndex(row)
        return item ? item.textItem : null
    }
    function rowAt(point) {
        forceLayout()
        const y = Math.max(0, Math.min(height - 1, point.y)) + contentY
        return indexAt(contentX + width / 2, y)
    }
    function positionIn(text, point) {
        const place = mapToItem(text, point)
        return text.positionAt(place.x, place.y)
    }

    // A text selects inside itself; a drag that leaves it, and the keyboard, select over rows.
    function beginSelection(point, extend) {
        const row = rowAt(point)
        const text = textItemAt(row)
        if (extend && model.hasSelection && text) {
            model.extendTo(row, positionIn(text, point))
            return
        }
        selecting = text && text.contains(mapToItem(text, point))
        if (selecting) // its place is kept by the model: rows that come in above give it another number
            model.select(row, positionIn(text, point), row, positionIn(text, point))
        else
            model.clearSelection()
    }
    function extendSelection(point) {
        pointer = point
        if (selecting)
            Qt.callLater(applySelection) // after the text under the pointer has made its own of it
    }
    function applySelection() {
        const row = rowAt(pointer)
        const text = textItemAt(row)
        if (!selecting || row < 0 || (row === model.anchorRow() && !model.hasSelection))
            return
        if (text)
            model.extendTo(row, positionIn(text, pointer))
        else // a table, a rule, a footer: all of it
            model.extendTo(row, row > model.anchorRow() ? 1 : 0)
    }
    function endSelection() {
        selecting = false
        Qt.callLater(takeSelection)
    }
    // What a text has selected by itself, with the mouse, becomes the view's selection.
    function takeSelection() {
        const row = model.anchorRow()
        const text = textItemAt(row)
        if (!model.hasSelection && text && text.selectedText !== "")
            model.select(row, text.selectionStart, row, text.selectionEnd)
    }
    function nextText(row, step) {
        for (row += step; row >= 0 && row < count; row += step) {
            if (textItemAt(row))
                return row
        }
        return -1
    }
    function selectByKey(event) {
        const focused = Window.activeFocusItem
        if (!model.hasSelection) {
            for (let row = rowNear(0, 1); row >= 0 && row < count; ++row) {
                const text = textItemAt(row)
                if (text && text === focused) {
                    model.select(row, text.cursorPosition, row, text.cursorPosition)
                    break
                }
            }
        }
        let row = model.headRow()
        let text = textItemAt(row)
        if (!text)
            return false
        let position = Math.min(model.headPosition(), text.length)
        const place = text.positionToRectangle(position)
        const middle = place.y + place.height / 2
        const down = event.key === Qt.Key_Down || event.key === Qt.Key_Right
        switch (event.key) {
        case Qt.Key_Left:
        case Qt.Key_Right:
            position += down ? 1 : -1
            break
        case Qt.Key_Up:
        case Qt.Key_Down: {
            const y = middle + (down ? place.height : -place.height)
            position = y < 0 ? -1 : y > text.contentHeight ? text.length + 1 : text.positionAt(place.x, y)
            break
        }
        case Qt.Key_Home: position = text.positionAt(0, middle); break
        case Qt.Key_End: position = text.positionAt(text.width, middle); break
        default: return false
        }
        if (position < 0 || position > text.length) {
            const next = nextText(row, down ? 1 : -1)
            if (next < 0)
                return true
            row = next
            text = textItemAt(row)
            position = event.key === Qt.Key_Left ? text.length : event.key === Qt.Key_Right ? 0
                : text.positionAt(place.x, down ? 1 : text.contentHeight - 1)
        }
        model.extendTo(row, position)
        reveal(row, text.positionToRectangle(position))
        return true
    }
    // Scrolls no further than it takes to see that part of a row's text.
    function reveal(row, place) {
        const text = textItemAt(row)
        if (!text)
            return
        const top = text.mapToItem(view, 0, place.y).y
        if (top < Theme.gap8)
            scrollBy(top - Theme.gap32)
        else if (top + place.height > height - Theme.gap8)
            scrollBy(top + place.height - height + Theme.gap32)
    }
    function copySelection(markdown) {
        const first = model.firstSelectedMessage()
        const last = model.lastSelectedMessage()
        const texts = {}
        for (const row of [model.anchorRow(), model.headRow()]) {
            const text = textItemAt(row)
            if (text && text.selectedText !== "")
                texts[row] = text.selectedSource ? text.selectedSource() : text.selectedText
        }
        Chat.copyRange(first, last, model.selectedPart(first, markdown, texts),
                       model.selectedPart(last, markdown, texts), markdown)
    }

    function openMenu(point) {
        const row = rowAt(point)
        if (row < 0)
            return
        takeSelection()
        const value = name => model.value(row, name)
        menu.messageId = value("messageId")
        menu.role = value("role")
        menu.status = value("status")
        menu.last = value("isLast")
        menu.selection = model.hasSelection
        menu.popup(view, point)
    }
    // At the message that is selected in or read with the keys, else at the last one on the screen.
    function openMenuByKey() {
        let row = model.hasSelection ? model.headRow() : -1
        for (let at = rowNear(0, 1); row < 0 && at >= 0 && at < count; ++at) {
            const text = textItemAt(at)
            if (text && text.activeFocus)
                row = at
        }
        if (row < 0)
            row = atYEnd ? count - 1 : rowNear(height - 1, -1)
        const item = itemAtIndex(row)
        if (item)
            openMenu(Qt.point(width / 2, item.y + Math.min(item.height / 2, Theme.gap32) - contentY))
    }
    function edit(messageId) {
        const row = model.rowOfMessage(messageId)
        if (row < 0)
            return
        Chat.beginEdit(messageId)
        let last = row // an answer is edited below its text
        while (last + 1 < count && model.value(last + 1, "messageId") === messageId)
            ++last
        following = false
        jumpTarget = -1
        positionViewAtIndex(last, ListView.Contain)
    }

    function find() { findBar.open() }
    function findNext(step) {
        if (findBar.opened)
            findBar.step(step)
        else
            findBar.open()
    }
    // Puts the current match on the screen, also one in a message that is not loaded yet.
    function showMatch() {
        const message = finder.message
        const place = message > 0 ? model.locate(message, finder.query, finder.occurrence) : null
        matchRow = place ? place.row : -1
        matchIndex = place ? place.index : -1
        if (!place)
            return
        if (place.count < 0) {
            showMessage(Chat.rowOf(message), ListView.Beginning)
        } else if (place.row >= 0) {
            following = false
            const item = itemAtIndex(place.row)
            if (!item || item.y + item.height < contentY || item.y > contentY + height) {
                jumpTarget = -1
                positionViewAtIndex(place.row, ListView.Center)
            }
            Qt.callLater(centerMatch)
        }
        if (place.count >= 0)
            finder.setShown(message, place.count)
    }
    function centerMatch() {
        const item = itemAtIndex(matchRow)
        if (!item)
            return
        const y = item.y + item.matchY() - contentY
        if (y < Theme.px(60) || y > height - Theme.px(40))
            scrollBy(y - height / 2)
        Qt.callLater(look)
    }

    onContentHeightChanged: Qt.callLater(following ? place : jumpTarget >= 0 ? jumpOn : look)
    onHeightChanged: Qt.callLater(following ? place : look)
    onContentYChanged: {
        if (!placing) {
            if (moving || bar.pressed)
                jumpTarget = -1
            holdTop()
        }
        Qt.callLater(look)
        if (placing)
            return
        if (moving || bar.pressed) {
            if (contentY < lastY - 0.5)
                following = false
            else if (contentY > lastY + 0.5)
                Qt.callLater(followAtEnd)
        }
        lastY = contentY
    }
    onMovementEnded: followAtEnd()

    Keys.onPressed: event => {
        event.accepted = true
        if (event.matches(StandardKey.Copy) && model.hasSelection)
            return copySelection(false)
        if (event.key === Qt.Key_C && event.modifiers === (Qt.ControlModifier | Qt.ShiftModifier)
                && model.hasSelection)
            return copySelection(true)
        if (event.matches(StandardKey.SelectAll))
            return model.selectAll()
        if (event.key === Qt.Key_Escape && model.hasSelection)
            return model.clearSelection()
        if (event.key === Qt.Key_Menu || (event.key === Qt.Key_F10 && event.modifiers === Qt.ShiftModifier))
            return openMenuByKey()
        if (event.modifiers === Qt.ShiftModifier && selectByKey(event))
            return
        event.accepted = false
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
            onActiveChanged: {
                if (active)
                    view.beginSelection(point.position, point.modifiers & Qt.ShiftModifier)
                else
                    view.endSelection()
            }
            onPointChanged: if (active) view.extendSelection(point.position)
        }
        TapHandler {
            acceptedButtons: Qt.RightButton
            onTapped: view.openMenu(point.position)
        }
    }
    Timer { // a drag beyond an edge goes on
        interval: 30
        repeat: true
        running: view.selecting && (view.pointer.y < 0 || view.pointer.y > view.height)
        onTriggered: {
            view.following = false
            view.scrollBy(view.pointer.y < 0 ? Math.max(-60, view.pointer.y) : Math.min(60, view.pointer.y - view.height))
            view.applySelection()
        }
    }
    MessageMenu {
        id: menu
        objectName: "messageMenu"
        onCopy: markdown => {
            if (selection)
                view.copySelection(markdown)
            else if (markdown)
                Chat.copyMessage(messageId)
            else
                Chat.copyMessageText(messageId)
        }
        onEdit: view.edit(messageId)
        onShowDetails: view.showDetails(messageId)
    }
    FindBar {
        id: findBar
        parent: view
        anchors.top: parent.top
        anchors.right: parent.right
        anchors.topMargin: Theme.gap8
        anchors.rightMargin: Theme.gap24
        width: Math.min(implicitWidth, parent.width - 2 * Theme.gap16)
        z: 3
        onAboutToSearch: {
            const row = view.rowNear(view.height - 1, -1)
            if (row >= 0 && finder.message === 0)
                finder.startAt(view.model.value(row, "messageId"))
        }
        onClosed: view.forceActiveFocus()
    }
    Connections {
        target: view.topItem
        function onYChanged() { view.keepTop() }
    }
    Connections {
        target: view.finder
        function onChanged() { Qt.callLater(view.showMatch) }
    }
    WheelHandler {
        acceptedDevices: PointerDevice.Mouse | PointerDevice.TouchPad
        target: null
        blocking: false
        onWheel: event => {
            view.jumpTarget = -1
            view.goingUp = event.angleDelta.y > 0
            if (view.goingUp && view.contentHeight > view.height)
                view.following = false
        }
    }
    Connections {
        target: Chat
        function onConversationIdChanged() {
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
        property bool selected: false // where there is no text item that shows it itself

        width: ListView.view ? ListView.view.width : 0
        implicitHeight: content.implicitHeight + content.y

        opacity: Chat.editedMessage === model.messageId && kind !== "footer" && kind !== "user" ? 0.45 : 1
        function matchY() { return textItem ? textItem.mapToItem(cell, 0, marks.item ? marks.item.currentY() : 0).y : 0 }
        function applySelection() {
            if (!textItem) {
                selected = view.model.selectionIn(index, 1).x >= 0
                return
            }
            const part = view.model.selectionIn(index, textItem.length)
            if (part.x < 0)
                textItem.deselect()
            else
                textItem.select(part.x, part.y)
        }
        onTextItemChanged: if (view.model.hasSelection) applySelection()
        Component.onCompleted: if (view.model.hasSelection) applySelection()
        Connections {
            target: view.model
            function onSelectionChanged() { cell.applySelection() }
        }
        Loader {
            id: marks
            active: cell.textItem !== null && view.finder.query !== ""
            sourceComponent: MatchMarks {
                text: cell.textItem
                query: view.finder.query
                current: view.matchRow === cell.index ? view.matchIndex : -1
            }
        }
        Rectangle { // what has no text item shows that the match is in it
            visible: cell.textItem === null && view.matchRow === cell.index
            anchors.fill: content
            color: "transparent"
            radius: Theme.cardRadius
            border.width: 2
            border.color: Theme.accent
        }
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
        ContextBoundary {
            id: boundary
            width: parent.width
            messageId: cell.model.messageId
            first: cell.first
            column: view.columnWidth
        }
        Loader {
            active: (cell.model.quote ?? 0) > 0
            anchors.fill: content
            sourceComponent: QuoteBars {
                row: cell.model
                column: view.columnWidth
                rightToLeft: content.item !== null && content.item.rightToLeft === true
            }
        }
        Rectangle { // a table or a formula shows that it is selected
            readonly property Item body: content.item && content.item.body ? content.item.body : null
            visible: cell.selected && body !== null
            x: body ? body.x : 0
            y: content.y
            width: body ? body.width : 0
            height: content.height
            radius: Theme.cardRadius
            color: Theme.mix(Theme.window, Theme.accent, 0.3)
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
            y: gap + boundary.height
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
                editing: Chat.editedMessage === cell.model.messageId
                onEditRequested: Chat.beginEdit(cell.model.messageId)
            }
        }
        Component {
            id: footer
            MessageFooter {
                id: answerFooter
                row: cell.model
                column: view.columnWidth
                highlighted: cell.highlighted
                editing: Chat.editedMessage === cell.model.messageId
                onEditRequested: view.edit(cell.model.messageId)
                onForkRequested: Chat.fork(cell.model.messageId)
                onChooseModel: view.chooseModel()
                onShowSettings: view.showSettings()
                Connections {
                    target: view
                    function onShowDetails(messageId) {
                        if (messageId === cell.model.messageId)
                            answerFooter.openDetails()
                    }
                }
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
        objectName: "endButton"
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
