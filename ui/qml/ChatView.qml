// SPDX-License-Identifier: MIT
// The conversation: one flat, virtualised list of rows (see message_rows.h). It follows the end only while the
// person is at the end; otherwise nothing that streams moves what is being read.
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
    readonly property real margin: width < Theme.px(800) ? Theme.gap16 : Theme.gap32
    readonly property real columnWidth: Math.min(Theme.columnWidth, width - 2 * margin)
    readonly property real wideWidth: Math.min(Theme.wideWidth, width - 2 * margin)
    readonly property bool atEnd: contentY + height >= originY + contentHeight - Theme.px(40)

    signal chooseModel()

    model: MessageRows { source: Chat }
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
    function place() {
        if (!following)
            return
        placing = true
        positionViewAtEnd()
        lastY = contentY
        placing = false
    }
    function scrollBy(distance) {
        const end = Math.max(originY, originY + contentHeight - height)
        contentY = Math.max(originY, Math.min(end, contentY + distance))
    }

    onContentHeightChanged: if (following) Qt.callLater(place)
    onHeightChanged: if (following) Qt.callLater(place)
    onContentYChanged: {
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
        switch (event.key) {
        case Qt.Key_PageUp: scrollBy(-height * 0.9); break
        case Qt.Key_PageDown: scrollBy(height * 0.9); break
        case Qt.Key_Up: scrollBy(-Theme.px(60)); break
        case Qt.Key_Down: scrollBy(Theme.px(60)); break
        case Qt.Key_Home: following = false; positionViewAtBeginning(); break
        case Qt.Key_End: toEnd(); break
        default: return
        }
        event.accepted = true
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
            view.toEnd()
        }
        function onAppended() { if (view.following) Qt.callLater(view.place) }
    }
    Connections {
        target: view.model
        function onModelReset() { view.toEnd() }
    }

    delegate: Item {
        id: cell

        required property int index
        required property string kind
        required property bool first
        required property var model
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
                : cell.kind === "code" ? codeBlock : cell.kind === "table" ? tableBlock
                : cell.kind === "rule" ? ruleBlock : footer
        }
        Component {
            id: textBlock
            TextBlock { row: cell.model; column: view.columnWidth }
        }
        Component {
            id: codeBlock
            CodeBlock { row: cell.model; column: view.columnWidth; wide: view.wideWidth }
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
            }
        }
    }

    ScrollBar.vertical: FScrollBar { id: bar }

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
