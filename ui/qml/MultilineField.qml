// SPDX-License-Identifier: MIT
// A few lines to write; what was written is taken when the field is left.
import QtQuick
import QtQuick.Controls.Basic
import Fathom

Rectangle {
    id: field

    property string value
    property alias placeholderText: area.placeholderText
    signal chosen(string value)

    function focusInput() { area.forceActiveFocus() }
    function write() {
        guard.expect(value)
        area.text = value
    }
    onValueChanged: write()
    Component.onCompleted: write()

    implicitHeight: Math.max(Theme.px(76), Math.min(Theme.px(200), area.implicitHeight))
    height: implicitHeight
    radius: Theme.radius
    color: Theme.window
    border.width: area.activeFocus ? 2 : Theme.hairline
    border.color: area.activeFocus ? Theme.accent : Theme.line

    WritingGuard {
        id: guard
        field: area
    }
    Flickable {
        anchors.fill: parent
        anchors.margins: 2
        contentHeight: area.implicitHeight
        clip: true
        boundsBehavior: Flickable.StopAtBounds
        TextArea.flickable: TextArea {
            id: area
            padding: Theme.gap8
            wrapMode: guard.unbroken ? TextEdit.WrapAnywhere : TextEdit.Wrap
            textFormat: TextEdit.PlainText
            font.family: Theme.uiFont
            font.pixelSize: Theme.interfaceSize
            color: Theme.text
            placeholderTextColor: Theme.textMuted
            selectionColor: Theme.mix(Theme.window, Theme.accent, 0.3)
            selectedTextColor: Theme.text
            background: null
            Accessible.name: field.Accessible.name
            Keys.onPressed: event => {
                if (event.key !== Qt.Key_Tab && event.key !== Qt.Key_Backtab)
                    return
                event.accepted = true
                nextItemInFocusChain(event.key === Qt.Key_Tab).forceActiveFocus(Qt.TabFocusReason)
            }
            onEditingFinished: if (text !== field.value) field.chosen(text)
        }
        ScrollBar.vertical: FScrollBar {}
    }
    FText {
        anchors.left: parent.left
        anchors.right: parent.right
        anchors.bottom: parent.bottom
        anchors.margins: Theme.gap8
        text: guard.refusal
        font.pixelSize: Theme.captionSize
        color: Theme.warning
    }
}
